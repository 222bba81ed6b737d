from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from dashboard.accounts.models import Role
from dashboard.accounts.tokens import issue_token
from ingest.queries.events import shared_store
from tests.dashboard.explore.factories import House


@pytest.fixture
def house(db: None) -> Iterator[House]:
    yield House()
    shared_store.cache_clear()


@pytest.fixture
def caller(db: None) -> Callable[[Role], Client]:
    """A program with a token of the given role."""

    def with_role(role: Role) -> Client:
        return Client(headers={"Authorization": f"Bearer {issue_token('test', role)}"})

    return with_role


@pytest.fixture
def viewer(caller: Callable[[Role], Client]) -> Client:
    return caller(Role.VIEWER)


@pytest.fixture
def operator(caller: Callable[[Role], Client]) -> Client:
    return caller(Role.OPERATOR)


@pytest.fixture
def admin(caller: Callable[[Role], Client]) -> Client:
    return caller(Role.ADMIN)
