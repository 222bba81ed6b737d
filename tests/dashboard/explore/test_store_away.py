"""The store of events does not answer: pages and the API say so, and what is not read from it goes on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from django.test import Client

from ingest.options import StoreOptions
from ingest.queries.events import forget_names
from tests.servers import free_port

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture(autouse=True)
def _away(settings: Any) -> None:
    store = StoreOptions(url=f"http://127.0.0.1:{free_port()}/there")
    settings.INGEST = msgspec.structs.replace(settings.INGEST, store=store)
    forget_names()


def test_page_of_events_says_that_the_store_does_not_answer(visitor: Client) -> None:
    answer = visitor.get("/events/")

    assert answer.status_code == 503
    assert "Events cannot be read now" in answer.content.decode()


def test_api_answers_with_a_problem(visitor: Client) -> None:
    answer = visitor.get("/api/v1/events")

    assert answer.status_code == 503
    assert answer.json()["detail"] == "The store of events does not answer; try again later."


def test_pages_of_folded_state_go_on(visitor: Client) -> None:
    for page in ("/", "/consumers/", "/dead-letters/", "/health/"):
        assert visitor.get(page).status_code == 200, page
