"""What every event store must do, whatever database holds it."""

from __future__ import annotations

import pytest

from ingest.store.base import EventFilter
from tests.ingest.store.factories import START, Filler, make_record, make_stream

pytestmark = pytest.mark.usefixtures("database")


def test_event_is_found_by_each_of_its_ids_and_by_no_other() -> None:
    filler, stream = Filler(), make_stream()
    record = make_record(1, correlation="corr_a", keys=("ORD_9", "CUST_7"))
    filler.append((stream, [record, make_record(2)]))

    for value in ("evt_1", "corr_a", "ORD_9", "CUST_7"):
        assert [event.body for event in filler.store.find([value])] == [record.body]
    assert filler.store.find(["evt_3", ""]) == []


def test_event_comes_back_as_it_was_stored() -> None:
    filler, stream = Filler(), make_stream("payments-topic")
    record = make_record(1, minor=4, type="PAYMENT_PROCESSED", source="payment", occurred=START - 5)
    record.headers, record.flags, record.size = b"\x90", 0x10, 123_456
    filler.append((stream, [record]))

    (event,) = filler.store.find(["evt_1"])

    assert (event.position, event.appended_ms, event.occurred_ms) == (
        record.position,
        record.appended_ms,
        START - 5,
    )
    assert (event.event_type, event.source) == ("PAYMENT_PROCESSED", "payment")
    assert (event.topic, event.stream_id) == ("payments-topic", stream.id)
    assert (event.body, event.headers) == (record.body, b"\x90")
    assert (event.flags, event.size) == (0x10, 123_456)


def test_pages_of_a_scan_hold_every_event_once_newest_first() -> None:
    filler, stream = Filler(), make_stream()
    records = [
        make_record(number, at=START + number // 3, minor=number % 3) for number in range(50)
    ]
    for start in range(0, 50, 7):
        filler.append((stream, records[start : start + 7]))

    seen, after, pages = [], None, 0
    while True:
        page = filler.store.scan(EventFilter(), after=after, limit=8)
        seen += [event.position for event in page.events]
        after, pages = page.next, pages + 1
        if after is None:
            break

    assert seen == [record.position for record in reversed(records)]
    assert pages == 7
