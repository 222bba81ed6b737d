from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from dashboard.accounts.models import Role, User
from ingest.queries.events import shared_store
from tests.dashboard.explore.factories import House


@pytest.fixture
def house(db: None) -> Iterator[House]:
    yield House()
    shared_store.cache_clear()


@pytest.fixture
def counting_house(db: None) -> Iterator[House]:
    """A house whose events are counted too, as ingest counts them."""
    yield House(folding=True)
    shared_store.cache_clear()


@pytest.fixture
def viewer(db: None) -> User:
    return User.objects.create_user("vera", password="x", role=Role.VIEWER)


@pytest.fixture
def visitor(viewer: User) -> Client:
    """A browser of somebody who may look."""
    client = Client()
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
    return client
