"""Scans against brute force: any filter, any order, any page size, blocks that overlap in time."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.db import connections, transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ingest.models import Block
from ingest.records import Record, StreamRef
from ingest.store import candidates, scanning
from ingest.store.base import Cursor, EventFilter, EventStore, StoredEvent
from ingest.store.globs import name_test
from tests.clickhouse import drop_tables
from tests.ingest.store.factories import START, Filler, make_record, make_stream

TYPES = ("ORDER_CREATED", "ORDER_PAID", "PAYMENT_PROCESSED", "X")
SOURCES = ("orders", "payments")
PATTERNS = st.sampled_from(
    ["ORDER_*", "*PA*", "X", "ORDER_PAI?", "NONE", "*", "orders", "pay*", "!X", "!ORDER_*"]
)
Stored = list[tuple[StreamRef, Record]]


def read_all(
    store: EventStore, where: EventFilter, *, limit: int, newest_first: bool
) -> list[StoredEvent]:
    """Every page, one after the other."""
    events: list[StoredEvent] = []
    after: Cursor | None = None
    for _ in range(2_000):
        page = store.scan(where, after=after, limit=limit, newest_first=newest_first)
        assert len(page.events) <= limit
        assert len(page.events) == limit or not page.complete or page.next is None
        events += page.events
        after = page.next
        if after is None:
            return events
    raise AssertionError("the scan does not come to an end")


def brute_force(
    stored: Stored, where: EventFilter, *, newest_first: bool
) -> list[tuple[int, int, int, int]]:
    def fits(stream: StreamRef, record: Record) -> bool:
        return (
            name_test(where.types)(record.event_type)
            and name_test(where.sources)(record.source)
            and name_test(where.topics)(stream.topic)
            and (where.since_ms is None or record.appended_ms >= where.since_ms)
            and (where.until_ms is None or record.appended_ms < where.until_ms)
        )

    places = [
        (record.appended_ms, stream.id, *record.position)
        for stream, record in stored
        if fits(stream, record)
    ]
    return sorted(places, reverse=newest_first)


def places_of(events: list[StoredEvent]) -> list[tuple[int, int, int, int]]:
    return [(event.appended_ms, event.stream_id, *event.position) for event in events]


@st.composite
def histories(draw: st.DrawFn) -> list[list[tuple[int, int, str, str]]]:
    """Batches of (stream, moment, type, source); a later batch may hold earlier moments."""
    event = st.tuples(
        st.integers(0, 1), st.integers(0, 5_000), st.sampled_from(TYPES), st.sampled_from(SOURCES)
    )
    return draw(st.lists(st.lists(event, min_size=1, max_size=12), min_size=1, max_size=8))


filters = st.builds(
    EventFilter,
    types=st.lists(PATTERNS, max_size=2).map(tuple),
    sources=st.lists(PATTERNS, max_size=1).map(tuple),
    topics=st.sampled_from([(), ("orders-*",), ("payments-topic",), ("*-topic",), ("none",)]),
    since_ms=st.none() | st.integers(START - 10, START + 5_010),
    until_ms=st.none() | st.integers(START - 10, START + 5_010),
)


@pytest.fixture
def fresh(database: str) -> Any:
    """Empties the tables for each example."""
    return empty_tables


@pytest.fixture
def fresh_clickhouse(clickhouse_store: str) -> Any:
    def empty() -> None:
        drop_tables(settings.INGEST.store)
        empty_tables()

    return empty


def empty_tables() -> None:
    connection = connections["events"]
    tables = [n for n in connection.introspection.table_names() if n.startswith("ingest_")]
    with transaction.atomic(using="events"), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
        else:
            for table in sorted(tables, reverse=True):
                cursor.execute(f"DELETE FROM {table}")


def same_pages(
    empty: Any,
    history: list[list[tuple[int, int, str, str]]],
    where: EventFilter,
    *,
    limit: int,
    newest_first: bool,
    series_limit: int,
    few_series: int = 64,
    max_blocks: int = 500,
) -> None:
    """The store's pages are what brute force selects."""
    empty()
    filler = Filler(series_limit=series_limit)
    streams = [make_stream("orders-topic"), make_stream("payments-topic")]
    stored: Stored = []
    for batch in history:
        slices: dict[int, list[Record]] = {0: [], 1: []}
        for stream, moment, type, source in sorted(batch):
            record = make_record(
                len(stored), at=START + moment, minor=len(stored), type=type, source=source
            )
            slices[stream].append(record)
            stored.append((streams[stream], record))
        filler.append(*((streams[stream], records) for stream, records in slices.items()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "_FEW_SERIES", few_series)
        patch.setattr(candidates, "_FIRST_CHUNK", 1)
        patch.setattr(scanning, "MAX_BLOCKS", max_blocks)
        events = read_all(filler.store, where, limit=limit, newest_first=newest_first)

    assert places_of(events) == brute_force(stored, where, newest_first=newest_first)
    types = {(*record.position,): record.event_type for _, record in stored}
    assert [event.event_type for event in events] == [types[event.position] for event in events]


HEALTH = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]  # shrinking would take minutes


@examples(max_examples=40, deadline=None, phases=PHASES, suppress_health_check=HEALTH)
@given(
    history=histories(),
    where=filters,
    limit=st.integers(1, 9),
    newest_first=st.booleans(),
    series_limit=st.sampled_from([2, 100]),
    few_series=st.sampled_from([0, 64]),
    max_blocks=st.sampled_from([1, 500]),
)
def test_pages_are_what_brute_force_selects(
    fresh: Any, history: Any, where: EventFilter, **how: Any
) -> None:
    same_pages(fresh, history, where, **how)


@pytest.mark.clickhouse
@examples(max_examples=15, deadline=None, phases=PHASES, suppress_health_check=HEALTH)
@given(
    history=histories(),
    where=filters,
    limit=st.integers(1, 9),
    newest_first=st.booleans(),
    series_limit=st.sampled_from([2, 100]),
)
def test_pages_of_clickhouse_are_what_brute_force_selects(
    fresh_clickhouse: Any, history: Any, where: EventFilter, **how: Any
) -> None:
    same_pages(fresh_clickhouse, history, where, **how)


def fill(filler: Filler, blocks: int, *, rare_in: int | None = None) -> None:
    stream = make_stream()
    for block in range(blocks):
        records = [
            make_record(block * 5 + n, type="RARE" if block == rare_in and n == 2 else "COMMON")
            for n in range(5)
        ]
        filler.append((stream, records))


def queries_of(call: Any) -> int:
    count = 0

    def counted(execute: Any, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*arguments)

    with connections["events"].execute_wrapper(counted):
        call()
    return count


@pytest.mark.usefixtures("database")
def test_deep_page_costs_no_more_than_the_first() -> None:
    filler = Filler()
    fill(filler, 60)
    store = filler.store
    deep = Cursor(START + 20, 1 << 40, 0, 0)
    store.scan(EventFilter(), limit=5)

    first = queries_of(lambda: store.scan(EventFilter(), limit=10))
    later = queries_of(lambda: store.scan(EventFilter(), limit=10, after=deep))
    until = queries_of(lambda: store.scan(EventFilter(until_ms=START + 20), limit=10))

    assert max(later, until) <= first + 2


@pytest.mark.usefixtures("database")
def test_rare_type_is_found_without_reading_the_blocks_between() -> None:
    filler = Filler()
    fill(filler, 60, rare_in=3)
    where = EventFilter(types=("RARE",))

    queries = queries_of(lambda: filler.store.scan(where, limit=10))
    page = filler.store.scan(where, limit=10)

    assert [event.event_type for event in page.events] == ["RARE"]
    assert page.next is None
    assert queries < 10


@pytest.mark.usefixtures("database")
def test_budget_ends_a_page_early_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "MAX_FRAMES", 3)
    filler = Filler(series_limit=0)
    fill(filler, 30, rare_in=3)

    page = filler.store.scan(EventFilter(types=("RARE",)), limit=2)
    assert (page.events, page.complete) == ([], False)
    (event,) = read_all(filler.store, EventFilter(types=("RARE",)), limit=2, newest_first=True)

    assert event.event_type == "RARE"


@pytest.mark.usefixtures("database")
def test_blocks_looked_at_in_vain_count_against_the_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "_FEW_SERIES", 0)
    monkeypatch.setattr(candidates, "_LAST_CHUNK", 4)
    monkeypatch.setattr(scanning, "MAX_BLOCKS", 3)
    filler = Filler()
    fill(filler, 30, rare_in=1)
    rare = EventFilter(types=("RARE",))

    page = filler.store.scan(rare, limit=5)
    (event,) = read_all(filler.store, rare, limit=5, newest_first=True)

    assert (page.events, page.complete) == ([], False)
    assert event.event_type == "RARE"


@pytest.mark.usefixtures("database")
def test_block_that_spans_months_is_seen_by_every_moment_within() -> None:
    filler, stream = Filler(), make_stream()
    month = 30 * 86_400_000
    filler.append((stream, [make_record(0, at=START), make_record(1, at=START + 9 * month)]))
    filler.append((stream, [make_record(2, at=START + 5 * month)]))

    def listed(since: int, until: int) -> list[int]:
        where = EventFilter(since_ms=START + since * month, until_ms=START + until * month)
        return [event.appended_ms for event in filler.store.scan(where).events]

    assert listed(0, 1) == [START]
    assert listed(4, 6) == [START + 5 * month]
    assert listed(0, 10) == [START + 9 * month, START + 5 * month, START]
    assert Block.objects.filter(sealed=True).count() == 1


@pytest.mark.parametrize(
    ("pattern", "fits", "not_fits"),
    [
        ("ORDER_*", ["ORDER_", "ORDER_CREATED", "ORDER_A\nB"], ["order_created", "XORDER_"]),
        ("a?c", ["abc"], ["ac", "abbc"]),
        ("[a].+", ["[a].+"], ["a", "[a]xx"]),
        ("!A*", ["B", "", "!A"], ["A", "AB"]),
    ],
)
def test_only_star_question_mark_and_leading_exclamation_are_special(
    pattern: str, fits: list[str], not_fits: list[str]
) -> None:
    test = name_test((pattern,))

    assert all(map(test, fits))
    assert not any(map(test, not_fits))


def test_what_is_wanted_and_left_out_is_left_out() -> None:
    test = name_test(("ORDER_*", "X", "!*_TEST"))

    assert [name for name in ("ORDER_A", "ORDER_TEST", "X", "Y") if test(name)] == ["ORDER_A", "X"]
