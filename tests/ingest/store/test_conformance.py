"""What every event store must do, whatever database holds it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from django.db import transaction

from ingest.records import Batch, Flag, Position, Slice
from ingest.store import encoding, keys
from ingest.store.base import EventFilter, Page, StoredEvent
from ingest.store.clickhouse import writing
from tests.ingest.store.factories import START, Filler, make_record, make_stream

pytestmark = pytest.mark.usefixtures("stores")


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


def test_newest_of_a_value_that_many_carry_come_first_and_page_back() -> None:
    filler, stream = Filler(), make_stream()
    records = [make_record(number, correlation="shared") for number in range(400)]
    for start in range(0, 400, 20):
        filler.append((stream, records[start : start + 20]))

    newest = filler.store.find(["shared"], limit=5, before_ms=START + 1000)
    older = filler.store.find(["shared"], limit=300, before_ms=newest[-1].appended_ms)

    assert [event.appended_ms - START for event in newest] == [399, 398, 397, 396, 395]
    assert [event.appended_ms - START for event in older] == list(range(394, 94, -1))


def test_oldest_of_a_value_that_many_carry_page_on() -> None:
    filler, stream = Filler(), make_stream()
    records = [make_record(number, correlation="shared") for number in range(400)]
    for start in range(0, 400, 20):
        filler.append((stream, records[start : start + 20]))

    first = filler.store.find(["shared"], limit=5, from_ms=START + 17)
    later = filler.store.find(["shared"], limit=300, from_ms=START + 150)
    last = filler.store.find(["shared"], limit=300, from_ms=START + 390)

    assert [event.appended_ms - START for event in first] == [17, 18, 19, 20, 21]
    assert [event.appended_ms - START for event in later] == list(range(150, 400))
    assert [event.appended_ms - START for event in last] == list(range(390, 400))


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


def test_page_of_large_events_ends_before_they_fill_the_memory() -> None:
    """A page of a thousand events of a megabyte would be a gigabyte."""
    filler, stream = Filler(), make_stream()
    sizes = [1000 * 1024 if number % 2 else 10 for number in range(44)]
    records = [make_record(number, padding="x" * size) for number, size in enumerate(sizes)]
    for start in range(0, 44, 11):
        filler.append((stream, records[start : start + 11]))

    pages, after = [], None
    while not pages or after is not None:
        page = filler.store.scan(EventFilter(), after=after, limit=1000)
        pages.append([event.position for event in page.events])
        after = page.next

    assert [one for page in pages for one in page] == [
        record.position for record in reversed(records)
    ]
    assert [len(page) for page in pages] == [33, 11]


@pytest.mark.parametrize("newest_first", [False, True])
def test_large_events_of_one_value_are_found_up_to_so_many_bytes(newest_first: bool) -> None:
    """A story of ten thousand events of a megabyte would be ten gigabytes."""
    filler, stream = Filler(), make_stream()
    records = [make_record(number, correlation="hot", padding="x" * 500) for number in range(100)]
    for start in range(0, 100, 4):
        filler.append((stream, records[start : start + 4]))
    size = len(records[50].body)
    before_ms = START + 1000 if newest_first else None

    cut = filler.store.find(["hot"], before_ms=before_ms, most_bytes=10 * size + 1)
    whole = filler.store.find(["hot"], before_ms=before_ms, most_bytes=101 * size)

    numbers = list(range(100))[::-1] if newest_first else list(range(100))
    assert (ids(cut), cut.cut) == ([f"evt_{n}" for n in numbers[:11]], True)
    assert (ids(whole), whole.cut) == ([f"evt_{n}" for n in numbers], False)


def ids(events: Sequence[StoredEvent]) -> list[str]:
    return [json.loads(event.body)["eventId"] for event in events]


def test_events_beyond_the_limit_are_the_newest_ones() -> None:
    filler, first, second = Filler(), make_stream("a-topic"), make_stream("b-topic")
    for start in range(0, 60, 6):
        records = [
            make_record(number, correlation="corr_hot") for number in range(start, start + 6)
        ]
        filler.append((first, records[::2]))
        filler.append((second, records[1::2]))

    assert ids(filler.store.find(["corr_hot"], limit=7)) == [f"evt_{n}" for n in range(7)]
    assert ids(filler.store.find(["corr_hot"])) == [f"evt_{n}" for n in range(60)]


def test_hot_key_that_fills_many_pages_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "PAGE_KEYS", 4)
    filler, stream = Filler(), make_stream()
    records = [make_record(number, correlation="corr_hot") for number in range(150)]
    filler.append((stream, records))

    assert len(filler.store.find(["corr_hot"])) == 150
    assert ids(filler.store.find(["corr_hot"], limit=50)) == [f"evt_{n}" for n in range(50)]


def test_several_values_find_each_event_once() -> None:
    filler, stream = Filler(), make_stream()
    filler.append((stream, [make_record(1, correlation="corr_a", keys=("ORD_1",)), make_record(2)]))

    assert ids(filler.store.find(["ORD_1", "corr_a", "evt_2", "evt_1", "ORD_1"])) == [
        "evt_1",
        "evt_2",
    ]


def test_keys_of_equal_hash_are_told_apart_by_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys.xxhash, "xxh3_64_intdigest", lambda octets: 7 << 30)
    filler, stream = Filler(), make_stream()
    filler.append((stream, [make_record(number) for number in range(5)]))

    assert ids(filler.store.find(["corr_3"])) == ["evt_3"]
    assert filler.store.find(["corr_9"]) == []


def test_id_that_its_body_writes_with_escapes_is_found() -> None:
    filler, stream = Filler(), make_stream()
    record = make_record(1, correlation='corr "é"\n')
    assert "é".encode() not in record.body
    filler.append((stream, [record]))

    assert ids(filler.store.find(['corr "é"\n'])) == ["evt_1"]


def test_event_whose_body_was_cut_is_still_found() -> None:
    filler, stream = Filler(), make_stream()
    record = make_record(1, keys=("ORD_LOST",), flags=Flag.TRUNCATED)
    record.body, record.size = record.body[:40], 5_000_000
    filler.append((stream, [record]))

    (event,) = filler.store.find(["ORD_LOST"])
    assert (event.size, event.body) == (5_000_000, record.body)


def test_body_of_many_megabytes_comes_back_whole() -> None:
    filler, stream = Filler(), make_stream()
    record = make_record(1, padding="x" * 12_000_000)
    filler.append((stream, [make_record(0), record, make_record(2)]))

    (event,) = filler.store.find(["evt_1"])
    assert event.body == record.body


def test_batch_larger_than_a_row_number_counts_is_stored_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoding, "MAX_ROWS", 10)
    monkeypatch.setattr(writing, "MAX_ROWS", 10)
    filler, stream = Filler(), make_stream()
    filler.append((stream, [make_record(number) for number in range(35)]))

    assert ids(filler.store.find(["evt_34"])) == ["evt_34"]
    assert len(filler.store.scan(EventFilter(), limit=50).events) == 35


def test_slices_of_several_streams_are_ordered_by_append_time() -> None:
    filler, first, second = Filler(), make_stream("a-topic"), make_stream("b-topic")
    filler.append(
        (first, [make_record(1, at=START + 10), make_record(2, at=START + 30)]),
        (second, [make_record(3, at=START + 5), make_record(4, at=START + 30)]),
    )

    page = filler.store.scan(EventFilter(), newest_first=False)
    assert ids(page.events) == ["evt_3", "evt_1", "evt_2", "evt_4"]
    assert [event.topic for event in page.events] == ["b-topic", "a-topic", "a-topic", "b-topic"]


def test_batch_without_records_writes_nothing() -> None:
    filler, stream = Filler(), make_stream()
    with transaction.atomic(using="events"):
        empty = Slice(stream, Position(0, 0), Position(9, 0), [], [])
        filler.store.append(Batch([empty], START), filler.series)

    assert filler.store.scan(EventFilter()) == Page([], None)


def test_kafka_offsets_far_from_the_time_come_back() -> None:
    filler, stream = Filler(), make_stream()
    records = [make_record(number) for number in range(4)]
    for offset, record in enumerate(records):
        record.position = Position(9_000_000_000 + offset, 0)
    filler.append((stream, records))

    found = filler.store.scan(EventFilter(), newest_first=False).events
    assert [event.position for event in found] == [record.position for record in records]
