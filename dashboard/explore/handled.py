"""Lists by what consumers did: found by the marks of receipts, window by window, then judged.

A mark says that a handling of the asked kind is told of; what became of the event in the end, all its
receipts together tell.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from contextlib import closing
from typing import NamedTuple

from dashboard.explore.filters import EventQuery
from dashboard.explore.handlings import with_dead_letters
from dashboard.explore.judging import handled_as_asked, has_values
from dashboard.explore.lookup import named_as_asked
from dashboard.explore.places import Place, edge_of, in_order, in_range, place_of
from dashboard.explore.rows import Row, rows_of, rows_with
from ingest.queries.events import EventView, oldest_ms
from ingest.queries.grouping import SeriesView
from ingest.queries.handled import Handled, HandledWindow, events_told, walk_handled
from ingest.queries.wanted import Wanted
from ingest.store.globs import is_pattern, name_test
from ingest.store.marks import by_consumer, by_end, by_type, longer_than
from ingest.store.series import OVERFLOW

__all__ = [
    "HandledPage",
    "Marks",
    "choose_marks",
    "read_handled",
    "read_newly_handled",
    "told_as_asked",
]

SECONDS = 1.5
MOST_NAMES = 16
READ_FOR_ONE = 64
READ_FOR_MANY = 8
MORE = 10
"""So many events beyond a page are looked up with it, as some do not fit."""
AHEAD_MS = 3_600_000
"""How far a broker's clock may be ahead of ours."""


class Marks(NamedTuple):
    """What to look for (nothing: nothing can be found), and how many messages are worth reading at once.

    A message that tells of something that went wrong mostly tells of one such event, others of many.
    """

    names: list[str]
    few: int


class HandledPage(NamedTuple):
    """``after`` goes on behind the page, None at the end. ``read_ms``: the budget ended it there."""

    rows: list[Row]
    after: Place | None
    judged: int
    read_ms: int | None = None


def choose_marks(query: EventQuery, series: Iterable[SeriesView]) -> Marks | None:
    """The marks of which each event of ``query`` has one, None if it cannot be found by marks. Pure."""
    if "unprocessed" in query.outcomes:
        return None
    consumers = _consumers(query, series)
    if consumers is not None and not consumers:
        return Marks([], 0)
    consumers = consumers or []
    plain = query.series_until is None and not any(map(is_pattern, query.types))
    types = [*query.types, ""] if plain and query.types else []
    wrong = () if "delivered" in query.outcomes else query.outcomes
    choices = [
        Marks([by_consumer(name, end) for name in consumers for end in wrong], READ_FOR_ONE),
        Marks([by_type(name, end) for name in types for end in wrong], READ_FOR_ONE),
        Marks([by_end(end) for end in wrong], READ_FOR_ONE),
        Marks([] if query.over_ms is None else longer_than(query.over_ms), READ_FOR_MANY),
        Marks([by_consumer(name) for name in consumers], READ_FOR_MANY),
        Marks([by_end(end) for end in query.outcomes], READ_FOR_MANY),
    ]
    return next((marks for marks in choices if 0 < len(marks.names) <= MOST_NAMES), None)


def told_as_asked(query: EventQuery) -> Wanted:
    """The handlings that may be why an event is in the list. Pure."""
    by_name, by_event = name_test(query.consumers), name_test(query.types)
    anybody = all(name.startswith("!") for name in query.consumers)

    def named(event_type: str, consumer: str) -> bool:
        return (anybody or by_name(consumer)) and (not event_type or by_event(event_type))

    return Wanted(named, query.outcomes, query.over_ms)


def read_handled(
    query: EventQuery, marks: Marks, after: Place | None, *, now_ms: int
) -> HandledPage:
    """The page of ``query`` behind ``after``, within a budget of time."""
    rows: list[Row] = []
    judged = 0
    deadline = time.monotonic() + SECONDS
    if not marks.names:
        return HandledPage([], None, 0)
    with closing(_walk(query, marks, after, now_ms)) as windows:
        for window in windows:
            for handled in window.handled:
                judged += len(handled.events)
                rows += _judge(query, handled, after)
                if len(rows) > query.limit:
                    rows = rows[: query.limit]
                    return HandledPage(rows, place_of(rows[-1].event), judged)
            if time.monotonic() > deadline:
                edge = window.from_ms if query.newest_first else window.until_ms - 1
                return HandledPage(rows, edge_of(edge, query), judged, edge)
    return HandledPage(rows, None, judged)


def read_newly_handled(
    query: EventQuery, *, since_ms: int, until_ms: int
) -> tuple[list[Row], bool]:
    """Events of which a handling was told in [since, until) that makes them fit ``query``; whether all are."""
    events, more = events_told(
        told_as_asked(query), since_ms=since_ms, until_ms=until_ms, most=READ_FOR_ONE
    )
    return _fitting(query, rows_of(in_order(_named(query, events, None), query))), not more


def _walk(
    query: EventQuery, marks: Marks, after: Place | None, now_ms: int
) -> Generator[HandledWindow]:
    since_ms, until_ms = _span(query, after, now_ms)
    return walk_handled(
        marks.names,
        told_as_asked(query),
        since_ms=since_ms,
        until_ms=until_ms,
        newest_first=query.newest_first,
        few=marks.few,
        at_once=query.limit + MORE,
    )


def _judge(query: EventQuery, handled: Handled, after: Place | None) -> list[Row]:
    events = in_order(_named(query, handled.events, after), query)
    ids = {event.event_id for event in events}
    told = {id: receipts for id, receipts in handled.receipts.items() if id in ids}
    return _fitting(query, rows_with(events, with_dead_letters(told, ids)))


def _named(query: EventQuery, events: Iterable[EventView], after: Place | None) -> list[EventView]:
    """Those that are as asked in all but their handlings."""
    return [
        event
        for event in events
        if (after is None or after.precedes(event, query))
        and in_range(query, event)
        and named_as_asked(query, event)
        and has_values(query, event)
    ]


def _fitting(query: EventQuery, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if handled_as_asked(query, row.event.event_type, row.handlings)]


def _consumers(query: EventQuery, series: Iterable[SeriesView]) -> list[str] | None:
    """The consumers that are asked for; None if none is by name, or names are not all known."""
    wanted = [name for name in query.consumers if not name.startswith("!")]
    if not wanted:
        return None
    if not any(map(is_pattern, query.consumers)):
        return wanted
    known = {row.consumer for row in series}
    fits = name_test(query.consumers)
    return None if OVERFLOW in known else sorted(filter(fits, known - {""}))


def _span(query: EventQuery, after: Place | None, now_ms: int) -> tuple[int, int]:
    oldest = oldest_ms()
    since = query.since_ms if query.since_ms is not None else oldest
    until = query.until_ms if query.until_ms is not None else now_ms + AHEAD_MS
    since = until if since is None else max(since, oldest or 0)
    if after is not None and query.newest_first:
        until = min(until, after.appended_ms + 1)
    if after is not None and not query.newest_first:
        since = max(since, after.appended_ms)
    return since, max(since + 1, until)
