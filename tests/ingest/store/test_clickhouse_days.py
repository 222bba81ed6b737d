"""Retention in ClickHouse: whole days go, with their keys, and nothing else."""

from __future__ import annotations

import pytest

from ingest.options import Duration, RetentionOptions
from ingest.retention import purge_expired
from ingest.store.base import EventFilter, EventStore
from ingest.store.clickhouse.tables import DAY_MS
from tests.ingest.store.factories import Filler, make_record, make_stream

pytestmark = [pytest.mark.clickhouse, pytest.mark.usefixtures("clickhouse_store")]

MIDNIGHT = 19_700 * DAY_MS


@pytest.fixture
def store() -> EventStore:
    """An event in each of twelve days, two hours after midnight; of the fourth day a large one."""
    filler, stream = Filler(), make_stream()
    for day in range(12):
        padding = "".join(map(str, range(40_000))) if day == 3 else ""
        record = make_record(day, at=MIDNIGHT + day * DAY_MS + 7_200_000, padding=padding)
        filler.append((stream, [record]))
    return filler.store


def days(store: EventStore) -> list[int]:
    events = store.scan(EventFilter(), newest_first=False).events
    return [(event.appended_ms - MIDNIGHT) // DAY_MS for event in events]


def test_days_that_ended_before_are_dropped_a_few_at_a_time(store: EventStore) -> None:
    noon = MIDNIGHT + 10 * DAY_MS + DAY_MS // 2

    reports = [store.purge(before_ms=noon) for _ in range(3)]

    assert [(report.blocks, report.events) for report in reports] == [(8, 8), (2, 2), (0, 0)]
    assert reports[0].size > reports[1].size > 0
    assert days(store) == [10, 11]
    assert store.find(["evt_9"]) == []
    assert len(store.find(["evt_10"])) == 1
    assert store.oldest_ms() == MIDNIGHT + 10 * DAY_MS + 7_200_000


def test_retention_deletes_by_age_and_tells_what_it_did(store: EventStore) -> None:
    options = RetentionOptions(events=Duration(2 * 86_400))

    steps = [
        step
        for step in purge_expired(store, options, now_ms=MIDNIGHT + 11 * DAY_MS + 1)
        if step.kind == "events"
    ]

    assert [step.rows for step in steps] == [8, 1]
    assert days(store) == [9, 10, 11]


def test_limit_of_bytes_lets_the_oldest_days_go(store: EventStore) -> None:
    """The large day and those before it do not fit; by age all of them would stay."""
    assert store.kept_since(5, max_bytes=45_000) == MIDNIGHT + 4 * DAY_MS
    assert store.kept_since(5, max_bytes=1 << 40) == 5
    assert store.kept_since(MIDNIGHT + 9 * DAY_MS, max_bytes=45_000) == MIDNIGHT + 9 * DAY_MS


def test_store_without_events_has_no_oldest() -> None:
    store = Filler().store

    assert store.oldest_ms() is None
    assert store.purge(before_ms=MIDNIGHT) == (0, 0, 0)
