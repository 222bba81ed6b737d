from __future__ import annotations

import json

import pytest

from ingest.queries.receipts import receipts_for
from ingest.records import Position, Record
from tests.ingest.store.factories import START, Filler, make_record, make_stream

pytestmark = [
    pytest.mark.django_db(databases=["default", "events"]),
    pytest.mark.usefixtures("every_store"),
]


def make_receipts(number: int, *handled: tuple[str, str]) -> Record:
    """The envelope of receipts (event id, outcome) as ingest records it."""
    receipts = [
        {"eventId": event, "consumer": "inventory", "outcome": outcome}
        for event, outcome in handled
    ]
    at = START + 10_000 + number
    envelope = {
        "eventId": f"rcp_{number}",
        "eventType": "ProcessingReceipts",
        "timestamp": "2026-11-24T10:00:00.000Z",
        "payload": {"receipts": receipts},
        "metadata": {"source": "inventory-service"},
    }
    body = json.dumps(envelope).encode()
    return Record(
        position=Position(at, 0),
        appended_ms=at,
        event_id=f"rcp_{number}",
        event_type="ProcessingReceipts",
        source="inventory-service",
        body=body,
        size=len(body),
        correlation_id=f"rcp_{number}",
        keys=tuple(event for event, _ in handled),
    )


def test_receipts_of_many_events_are_found_in_the_order_stored() -> None:
    filler, orders, system = Filler(), make_stream(), make_stream("system-events")
    filler.append((orders, [make_record(number) for number in range(5)]))
    filler.append((system, [make_receipts(1, ("evt_1", "retry"), ("evt_2", "success"))]))
    filler.append((system, [make_receipts(2, ("evt_1", "success"), ("evt_9", "failed"))]))

    found = receipts_for(["evt_0", "evt_1", "evt_2"])

    assert {id: [receipt.outcome for receipt in told] for id, told in found.items()} == {
        "evt_1": ["retry", "success"],
        "evt_2": ["success"],
    }


def test_receipts_published_twice_count_once() -> None:
    filler, system = Filler(), make_stream("system-events")
    again = make_receipts(1, ("evt_1", "success"))
    again.position, again.appended_ms = Position(START + 99_000, 0), START + 99_000
    filler.append((system, [make_receipts(1, ("evt_1", "success")), again]))

    assert len(receipts_for(["evt_1"])["evt_1"]) == 1


def test_hint_of_time_does_not_hide_later_receipts() -> None:
    filler, system = Filler(), make_stream("system-events")
    filler.append((system, [make_receipts(1, ("evt_1", "success"))]))

    assert receipts_for(["evt_1"], since_ms=START + 10_000)["evt_1"][0].outcome == "success"
    assert receipts_for(["evt_1"], since_ms=START + 90_000) == {}
