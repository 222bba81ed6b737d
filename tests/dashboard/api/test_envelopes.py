"""An event of the API has the five members of the envelope, whatever was published."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from eventscope.stamps import format_ms
from tests.dashboard.explore.factories import START, House

pytestmark = pytest.mark.django_db(databases=["default", "events"])

AT = format_ms(START)
KNOWN = {"correlationId": "evt_1"}
ATTRIBUTES = {"specversion": "1.0", "id": "evt_1", "type": "A", "source": "/s", "time": AT}
CASES: list[tuple[Any, dict[str, str], dict[str, Any]]] = [
    (
        {"eventId": "evt_1", "eventType": "A"},
        {},
        {"timestamp": None, "payload": None, "metadata": KNOWN},
    ),
    (
        {"eventId": "evt_1", "eventType": "A", "timestamp": START, "payload": 7, "metadata": None},
        {},
        {"timestamp": START, "payload": 7, "metadata": KNOWN},
    ),
    (
        {"eventId": "evt_1", "payload": {}, "metadata": {"tenant": "t"}},
        {},
        {
            "eventType": "orders-topic",
            "timestamp": None,
            "payload": {},
            "metadata": {"tenant": "t"},
        },
    ),
    (
        {**ATTRIBUTES, "subject": "ORD_1", "tenant": "t", "correlationid": "c", "data": {"a": 1}},
        {},
        {
            "timestamp": AT,
            "payload": {"a": 1},
            "metadata": {"source": "/s", "subject": "ORD_1", "tenant": "t", "correlationId": "c"},
        },
    ),
    (
        {**ATTRIBUTES, "data_base64": "/wA="},
        {},
        {"timestamp": AT, "payload": "/wA=", "metadata": {"source": "/s", **KNOWN}},
    ),
    (
        {"a": 1},
        {**ATTRIBUTES, "subject": "ORD_1"},
        {
            "timestamp": AT,
            "payload": {"a": 1},
            "metadata": {"source": "/s", "subject": "ORD_1", **KNOWN},
        },
    ),
]


@pytest.mark.parametrize(("body", "attributes", "told"), CASES)
def test_event_is_told_in_the_envelope(
    house: House, viewer: Client, body: Any, attributes: dict[str, str], told: dict[str, Any]
) -> None:
    headers = tuple((f"ce_{name}".encode(), text.encode()) for name, text in attributes.items())
    house.publish([body], headers=headers)

    (event,) = viewer.get("/api/v1/events?range=all").json()["results"]
    assert event == {
        "eventId": "evt_1",
        "eventType": "A",
        **told,
        "topic": "orders-topic",
        "position": f"{START + 5}-0",
        "receivedAt": format_ms(START + 5),
        "outcome": "unprocessed",
    }
    assert viewer.get("/api/v1/events/evt_1").json()["metadata"] == told["metadata"]


def test_event_without_an_id_keeps_its_metadata(house: House, viewer: Client) -> None:
    house.publish([{"eventType": "A", "metadata": {"source": "s", "tenant": "t"}}])

    (event,) = viewer.get("/api/v1/events?range=all").json()["results"]
    assert event["eventId"] == f"orders-topic@{START + 5}-0"
    assert event["metadata"] == {"source": "s", "tenant": "t"}


def test_receipt_is_told_with_the_names_of_the_wire(house: House, viewer: Client) -> None:
    told = {
        "eventId": "evt_1",
        "eventType": "ORDER_CREATED",
        "consumer": "inventory-service",
        "consumerGroup": "inventory",
        "instance": "one",
        "topic": "orders-topic",
        "partition": 3,
        "offset": f"{START}-0",
        "correlationId": "corr_1",
        "attempt": 2,
        "maxAttempts": 4,
        "producedAt": format_ms(START),
        "startedAt": format_ms(START + 5),
        "endedAt": format_ms(START + 9),
        "durationMs": 4.0,
        "outcome": "failed",
        "error": {"type": "E", "message": "no", "stack": "line"},
    }
    house.publish([{"eventId": "evt_1", "eventType": "ORDER_CREATED"}])
    house.receipts([told])

    assert viewer.get("/api/v1/events/evt_1").json()["receipts"] == [told]


def test_letter_tells_where_its_original_stood(house: House, viewer: Client) -> None:
    house.dead_letter("evt_1", partition=3, offset="17")

    (letter,) = viewer.get("/api/v1/dead-letters").json()["results"]
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("orders-topic", 3, "17")
