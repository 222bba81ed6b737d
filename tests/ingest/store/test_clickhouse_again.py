"""What ClickHouse was told before the checkpoint moved is told again after a kill: readers see it once."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from ingest.models import Stream
from ingest.records import Batch, Position, Quarantined, Record, Slice, StreamRef
from ingest.store.base import EventFilter, StoredEvent, StoreUnavailable
from ingest.store.clickhouse.store import ClickHouseEventStore
from ingest.store.marks import by_end
from ingest.store.series import SeriesDictionary
from ingest.system import Receipt, Receipts
from tests.ingest.store.factories import START, Filler, make_record, make_stream

pytestmark = [pytest.mark.clickhouse, pytest.mark.usefixtures("clickhouse_store")]


@pytest.fixture
def store() -> Iterator[ClickHouseEventStore]:
    filled = Filler().store
    assert isinstance(filled, ClickHouseEventStore)
    yield filled
    filled.close()


def batch(
    stream: StreamRef,
    records: Sequence[Record] = (),
    *,
    read_ms: int = START,
    refused: Sequence[Record] = (),
) -> Batch:
    items = [
        Quarantined(one.position, one.appended_ms, "could not be stored", one.body, b"", one.size)
        for one in refused
    ]
    until = max(one.position for one in (*records, *refused))
    return Batch([Slice(stream, Position(0, 0), until, list(records), items)], read_ms)


def write(store: ClickHouseEventStore, what: Batch) -> None:
    store.append(what, SeriesDictionary())


def listed(store: ClickHouseEventStore, where: EventFilter | None = None) -> list[StoredEvent]:
    return store.scan(where or EventFilter(), limit=10_000, newest_first=False).events


def rows(store: ClickHouseEventStore, table: str) -> int:
    return int(store.engine.rows(f"SELECT count() FROM {store.engine.table(table)}")[0][0])


def test_batch_that_is_tried_again_is_not_written_again(store: ClickHouseEventStore) -> None:
    records = [make_record(number) for number in range(50)]
    again = batch(make_stream(), records)

    for _ in range(3):
        store.stage(again)

    assert (rows(store, "events"), rows(store, "keys")) == (50, 100)


@pytest.mark.parametrize("seed", range(4))
def test_messages_read_again_and_cut_at_other_places_are_there_once(
    store: ClickHouseEventStore, seed: int
) -> None:
    chance, stream = random.Random(seed), make_stream()
    records = [
        make_record(number, at=START + number // 3, minor=number % 3, correlation=f"c{number // 5}")
        for number in range(200)
    ]
    done, now = 0, START
    while done < len(records):
        end, now = min(len(records), done + chance.randint(1, 60)), now + chance.randint(1, 5)
        write(store, batch(stream, records[done:end], read_ms=now))
        if chance.random() < 0.4:  # else: killed before the checkpoint moved
            done = end

    assert [event.position for event in listed(store)] == [record.position for record in records]
    assert [event.position for event in store.find(["c3"])] == [
        record.position for record in records[15:20]
    ]
    newest = store.scan(EventFilter(types=("ORDER_*",)), limit=7)
    assert [event.position for event in newest.events] == [
        record.position for record in records[:-8:-1]
    ]


def test_what_was_written_last_counts(store: ClickHouseEventStore) -> None:
    stream = make_stream()
    before, after = make_record(1, type="OLD", correlation="c"), make_record(1, correlation="c")
    after.body = before.body.replace(b"ORD_1", b"*****")
    write(store, batch(stream, [before], read_ms=START))
    write(store, batch(stream, [after], read_ms=START + 1))
    write(store, batch(stream, [before], read_ms=START))

    assert [event.body for event in store.find(["c"])] == [after.body]
    assert [event.body for event in listed(store)] == [after.body]
    assert listed(store, EventFilter(types=("OLD",))) == []
    assert store.find(["c"], only_types=("OLD",)) == []


def test_message_that_is_set_aside_after_all_is_no_event(store: ClickHouseEventStore) -> None:
    stream, good, bad = make_stream(), make_record(1), make_record(2)
    write(store, batch(stream, [good, bad]))
    write(store, batch(stream, [good], refused=[bad]))

    assert [event.position for event in listed(store)] == [good.position]
    assert store.find(["evt_2"]) == []

    write(store, batch(stream, [bad], read_ms=START + 1))

    assert [event.position for event in store.find(["evt_2"])] == [bad.position]


def test_mark_that_was_written_twice_leads_to_one_message(store: ClickHouseEventStore) -> None:
    stream, told = make_stream(), make_record(1, type="ProcessingReceipts")
    told.detail = Receipts([Receipt("e", "mail", "failed", offset=f"{START}-0", duration_ms=1)])
    for read_ms in (START, START + 1):
        write(store, batch(stream, [told], read_ms=read_ms))

    windows = store.walk(
        [by_end("failed")], since_ms=START, until_ms=START + 1000, newest_first=True, few=5
    )

    assert [len(store.read(window.places)) for window in windows] == [1]


def test_tables_of_another_installation_are_not_written_to(store: ClickHouseEventStore) -> None:
    mine = make_stream("orders-topic")
    write(store, batch(mine, [make_record(1)]))
    Stream.objects.all().delete()
    other = StreamRef(mine.id, "main", "payments-topic", 0, False)
    fresh = Filler().store

    with pytest.raises(StoreUnavailable, match="another installation: there stream"):
        fresh.stage(batch(other, [make_record(2)]))

    assert [event.topic for event in listed(store)] == ["orders-topic"]
