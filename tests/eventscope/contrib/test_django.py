"""Publishing when, and only when, the transaction commits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.checks import Error
from django.db import transaction
from django.test import RequestFactory

from eventscope.contrib import django as contrib
from eventscope.envelope import handling, new_event
from tests.servers import Valkey

Read = Callable[..., list[dict[str, Any]]]

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "events"])


@pytest.fixture
def configured(valkey: Valkey, settings: Any) -> Iterator[None]:
    settings.EVENTSCOPE = {
        "URL": valkey.url,
        "SOURCE": "web-shop",
        "OPTIONS": {"default_topic": "orders-topic"},
    }
    yield
    contrib._process.stop()


def test_events_are_published_at_the_commit_and_not_before(
    configured: None, published: Read
) -> None:
    with transaction.atomic():
        event = contrib.publish_on_commit("ORDER_CREATED", {"orderId": "ORD_1"})
        before = published("orders-topic", "ORDER_CREATED", least=0)

    (stored,) = published("orders-topic", "ORDER_CREATED")
    assert before == []
    assert (stored["eventId"], stored["metadata"]["source"]) == (event.event_id, "web-shop")


def test_nothing_is_published_when_the_transaction_rolls_back(
    configured: None, published: Read
) -> None:
    with transaction.atomic():
        contrib.publish_on_commit("ORDER_CREATED", {"orderId": "ORD_1"})
        transaction.set_rollback(True)
    contrib.publish_on_commit("AFTERWARDS")

    published("orders-topic", "AFTERWARDS")
    assert published("orders-topic", "ORDER_CREATED", least=0) == []


def test_the_cause_is_the_event_being_handled_and_topic_and_key_are_kept(
    configured: None, published: Read
) -> None:
    cause = new_event("ORDER_CREATED", correlation_id="corr-3")
    with handling(cause), transaction.atomic():
        contrib.publish_on_commit("PAID", topic="payments-topic", key="ORD_1")

    (stored,) = published("payments-topic", "PAID")
    assert stored["metadata"]["causationId"] == cause.event_id
    assert stored["metadata"]["correlationId"] == "corr-3"


def test_health_tells_of_databases_and_broker(configured: None, valkey: Valkey) -> None:
    response = contrib.health(RequestFactory().get("/health"))

    told = json.loads(response.content)
    assert (response.status_code, told["status"]) == (200, "healthy")
    names = [one["name"] for one in told["components"]]
    assert names == ["database:default", "database:events", "event-bus"]


def test_health_is_503_while_the_broker_is_away(settings: Any) -> None:
    settings.EVENTSCOPE = {"URL": "redis://127.0.0.1:1/0", "SOURCE": "web-shop"}
    try:
        response = contrib.health(RequestFactory().get("/health"))
    finally:
        contrib._process.stop()

    told = json.loads(response.content)
    assert (response.status_code, told["status"]) == (503, "unhealthy")
    assert told["components"][-1]["status"] == "unhealthy"


@pytest.mark.parametrize(
    ("told", "missing"),
    [
        ({"URL": "redis://x", "SOURCE": "s"}, []),
        ({"URL": "redis://x"}, ["SOURCE"]),
        ({}, ["URL", "SOURCE"]),
    ],
)
def test_settings_that_lack_something_are_a_system_check_with_a_hint(
    settings: Any, told: dict[str, str], missing: list[str]
) -> None:
    settings.EVENTSCOPE = told

    found = contrib.check_settings(None)

    assert [error.msg for error in found] == [
        f'EVENTSCOPE["{name}"] is not set.' for name in missing
    ]
    assert all(isinstance(error, Error) and error.hint for error in found)
