"""One page of events with what became of each: the list of the page and of the API alike.

Four ways, by what is asked: an id is looked up in the index; what consumers did is found by the marks
of their receipts; a text, or what nobody handled, by reading on from the newest, within a budget that the
answer tells; all else is the store's own page.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from dashboard.explore.catalog import newest_series, own_types
from dashboard.explore.cursors import open_cursor, seal_cursor
from dashboard.explore.filters import EventQuery, FilterError
from dashboard.explore.handled import Marks, choose_marks, read_handled
from dashboard.explore.judging import handled_as_asked, has_values
from dashboard.explore.lookup import look_up
from dashboard.explore.places import read_place
from dashboard.explore.rows import Row, rows_of
from dashboard.explore.slowness import Slow, why_slow
from dashboard.explore.totals import count_in_range
from ingest.queries.events import (
    CursorError,
    EventFilter,
    EventPage,
    EventView,
    ReadingTooLong,
    list_events,
    shared_store,
)
from ingest.queries.metrics import read_series

__all__ = [
    "Listing",
    "iterate_events",
    "read_listing",
]

SCAN_EVENTS = 20_000
SCAN_SECONDS = 2.0
SCAN_CHUNK = 500
STREAMED = 500


@dataclass(frozen=True, slots=True)
class Listing:
    """A page. What follows ``next`` is None unless events were read to be judged one by one.

    ``scanned`` of the ``total`` events in the range (None where it is not known) were read, down to
    ``until_ms``. Not ``complete``: the budget ended the page early, ``next`` goes on from there, and
    ``slow`` says why and what would be quicker.
    """

    rows: list[Row]
    next: str | None
    scanned: int | None = None
    complete: bool | None = None
    total: int | None = None
    until_ms: int | None = None
    slow: Slow | None = None


def read_listing(query: EventQuery, *, now_ms: int | None = None) -> Listing:
    """The page that ``query`` asks. Raises `FilterError` for a cursor that is not its own."""
    query, place = open_cursor(query)
    now = _now(now_ms)
    try:
        with shared_store().reading():
            return _read(_without_system(query), place, now)
    except ReadingTooLong:
        return Listing([], None, complete=False, slow=why_slow(query, now_ms=now, limit=True))


def _read(query: EventQuery, place: str | None, now_ms: int) -> Listing:
    if query.needles:
        return _by_key(query, place)
    marks = choose_marks(query, read_series()) if query.judged else None
    if marks is not None:
        return _by_marks(query, marks, place, now_ms)
    if query.texts or query.judged:
        return _by_scan(query, place, now_ms)
    page = _page(query, place, query.limit)
    return Listing(
        rows=rows_of(page.events),
        next=seal_cursor(query, page.next),
        complete=None if page.complete else False,
    )


def iterate_events(query: EventQuery, limit: int) -> Iterator[Row]:
    """The first ``limit`` events of the list, page by page, so that memory stays bounded."""
    left = limit
    page = replace(query, limit=min(STREAMED, left))
    while left > 0:
        listing = read_listing(page)
        yield from islice(listing.rows, left)
        left -= len(listing.rows)
        if listing.next is None:
            return
        page = replace(query, cursor=listing.next, limit=min(STREAMED, max(1, left)))


def _without_system(query: EventQuery) -> EventQuery:
    """The query with the types that are no system events, as they were at the list's first page."""
    if not query.hides_system:
        return query
    until = newest_series() if query.series_until is None else query.series_until
    return replace(query, types=(*own_types(until), *query.types), series_until=until)


def _where(query: EventQuery) -> EventFilter:
    """The part of ``query`` that the store can select by."""
    return EventFilter(
        types=query.types,
        sources=query.sources,
        topics=query.topics,
        since_ms=query.since_ms,
        until_ms=query.until_ms,
    )


def _by_key(query: EventQuery, place: str | None) -> Listing:
    rows, after = look_up(query, read_place(place) if place else None)
    return Listing(rows=rows, next=seal_cursor(query, after.text() if after else None))


def _by_marks(query: EventQuery, marks: Marks, place: str | None, now_ms: int) -> Listing:
    page = read_handled(query, marks, read_place(place) if place else None, now_ms=now_ms)
    following = seal_cursor(query, page.after.text() if page.after else None)
    if page.read_ms is None:
        return Listing(page.rows, following)
    return Listing(
        page.rows,
        following,
        scanned=page.judged,
        complete=False,
        until_ms=page.read_ms,
        slow=why_slow(query, now_ms=now_ms),
    )


def _by_scan(query: EventQuery, place: str | None, now_ms: int) -> Listing:
    """Read on until the page is full, the range is read or the budget is spent."""
    rows: list[Row] = []
    scanned, until_ms = 0, None
    deadline = time.monotonic() + SCAN_SECONDS
    total = count_in_range(query, now_ms=now_ms)
    while True:
        page = _page(query, place, SCAN_CHUNK)
        for row in _judge(query, page.events):
            rows.append(row)
            if len(rows) == query.limit:
                scanned += 1 + page.events.index(row.event)
                following = seal_cursor(query, row.event.cursor)
                return Listing(rows, following, scanned, True, total, row.event.appended_ms)
        scanned += len(page.events)
        until_ms = page.events[-1].appended_ms if page.events else until_ms
        if page.next is None:
            return Listing(rows, None, scanned, True, total, until_ms)
        place = page.next
        if scanned >= SCAN_EVENTS or time.monotonic() > deadline:
            slow = why_slow(query, now_ms=now_ms)
            return Listing(rows, seal_cursor(query, place), scanned, False, total, until_ms, slow)


def _page(query: EventQuery, place: str | None, limit: int) -> EventPage:
    try:
        return list_events(
            _where(query), cursor=place, limit=limit, newest_first=query.newest_first
        )
    except CursorError as error:
        raise FilterError("cursor", "belongs to another list; start again without it") from error


def _judge(query: EventQuery, events: list[EventView]) -> Iterator[Row]:
    matches = [event for event in events if has_values(query, event)]
    for row in rows_of(matches):
        if not query.judged or handled_as_asked(query, row.event.event_type, row.handlings):
            yield row


def _now(now_ms: int | None) -> int:
    return time.time_ns() // 1_000_000 if now_ms is None else now_ms
