"""One page of events with what became of each: the list of the page and of the API alike.

Three ways, by what is asked: an id is looked up in the index; a text or an outcome is found by
reading on from the newest, within a budget that the answer tells; all else is the store's own page.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from dashboard.explore.catalog import newest_series, own_types
from dashboard.explore.cursors import open_cursor, seal_cursor
from dashboard.explore.filters import EventQuery, FilterError
from dashboard.explore.handlings import read_handlings
from dashboard.explore.outcomes import outcome_of
from ingest.envelopes import stored_id
from ingest.queries.events import (
    CursorError,
    EventFilter,
    EventPage,
    EventView,
    find_events,
    list_events,
)
from ingest.store.globs import name_test

__all__ = ["Listing", "Row", "correlation_of", "found_by", "read_listing", "rows_of"]

SCAN_EVENTS = 20_000
SCAN_SECONDS = 2.0
SCAN_CHUNK = 500
FOUND_LIMIT = 10_000
RECEIPTS = "ProcessingReceipts"


@dataclass(frozen=True, slots=True)
class Row:
    """An event and its outcome ("" for system events)."""

    event: EventView
    outcome: str


@dataclass(frozen=True, slots=True)
class Listing:
    """``scanned`` and ``complete`` are None unless events were read to be judged one by one."""

    rows: list[Row]
    next: str | None
    scanned: int | None = None
    complete: bool | None = None


def read_listing(query: EventQuery) -> Listing:
    """The page that ``query`` asks. Raises `FilterError` for a cursor that is not its own."""
    query, place = open_cursor(query)
    query = _without_system(query)
    if query.keys:
        return _by_key(query, place)
    if query.text or query.outcome:
        return _by_scan(query, place)
    page = _page(query, place, query.limit)
    return Listing(
        rows=rows_of(page.events),
        next=seal_cursor(query, page.next),
        complete=None if page.complete else False,
    )


def rows_of(events: Sequence[EventView]) -> list[Row]:
    """Each event with its outcome; receipts of all are read at once."""
    handlings = read_handlings(
        {event.event_id for event in events},
        since_ms=min((event.appended_ms for event in events), default=None),
    )
    return [
        Row(event, outcome_of(event.event_type, handlings.get(event.event_id, ())))
        for event in events
    ]


def found_by(value: str) -> list[EventView]:
    """Events that carry ``value`` as any key, oldest first, without the receipts that only name it."""
    found = find_events([value], limit=FOUND_LIMIT)
    return [
        event
        for event in found
        if event.event_type != RECEIPTS or value in (event.event_id, event.correlation_id)
    ]


def correlation_of(event: EventView) -> str:
    """The correlation id, which CONTRACT lets fall back on the trace, then on the event itself."""
    return event.correlation_id or event.trace_id or event.event_id


def _by_key(query: EventQuery, place: str | None) -> Listing:
    """Look up every id, keep what all of them found, and page through it by place."""
    first, *others = query.keys
    found = find_events([first], limit=FOUND_LIMIT)
    for value in others:
        also = {_place(event) for event in find_events([value], limit=FOUND_LIMIT)}
        found = [event for event in found if _place(event) in also]
    matches = [event for event in found if _matches_ids(query, event) and _in_filter(query, event)]
    matches.sort(key=_order, reverse=query.newest_first)
    matches = _past(matches, place, newest_first=query.newest_first)
    if query.text:
        matches = list(filter(_text_test(query.text), matches))
    rows = _first_rows(query, matches)
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    return Listing(
        rows=rows,
        next=seal_cursor(query, _place(rows[-1].event)) if more else None,
    )


def _first_rows(query: EventQuery, matches: list[EventView]) -> list[Row]:
    """One row more than the page holds, if there is one."""
    if not query.outcome:
        return rows_of(matches[: query.limit + 1])
    rows: list[Row] = []
    for first in range(0, len(matches), SCAN_CHUNK):
        some = rows_of(matches[first : first + SCAN_CHUNK])
        rows += [row for row in some if row.outcome == query.outcome]
        if len(rows) > query.limit:
            break
    return rows


def _by_scan(query: EventQuery, place: str | None) -> Listing:
    rows: list[Row] = []
    scanned = 0
    until = time.monotonic() + SCAN_SECONDS
    while True:
        page = _page(query, place, SCAN_CHUNK)
        for row in _judge(query, page.events):
            rows.append(row)
            if len(rows) == query.limit:
                last = row.event.cursor
                scanned += 1 + page.events.index(row.event)
                return Listing(rows, seal_cursor(query, last), scanned, complete=True)
        scanned += len(page.events)
        if page.next is None:
            return Listing(rows, None, scanned, complete=True)
        place = page.next
        if scanned >= SCAN_EVENTS or time.monotonic() > until:
            return Listing(rows, seal_cursor(query, place), scanned, complete=False)


def _page(query: EventQuery, place: str | None, limit: int) -> EventPage:
    try:
        return list_events(
            _where(query), cursor=place, limit=limit, newest_first=query.newest_first
        )
    except CursorError as error:
        raise FilterError("cursor", "belongs to another list; start again without it") from error


def _judge(query: EventQuery, events: list[EventView]) -> Iterator[Row]:
    matches: Iterable[EventView] = events
    if query.text:
        matches = filter(_text_test(query.text), events)
    for row in rows_of(list(matches)):
        if not query.outcome or row.outcome == query.outcome:
            yield row


def _text_test(text: str) -> Callable[[EventView], bool]:
    """Whether the stored bytes hold ``text``, in any case, written plainly or as JSON escapes it."""
    plain = text.lower().encode()
    escaped = "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in text.lower()).encode()

    def holds(event: EventView) -> bool:
        body = event.body.lower()
        return plain in body or escaped in body

    return holds


def _without_system(query: EventQuery) -> EventQuery:
    """The query with the types that are no system events, as they were at the list's first page."""
    if query.system or query.types:
        return query
    until = newest_series() if query.series_until is None else query.series_until
    return replace(query, types=own_types(until), series_until=until)


def _where(query: EventQuery) -> EventFilter:
    return EventFilter(
        types=query.types,
        sources=query.sources,
        topics=query.topics,
        since_ms=query.since_ms,
        until_ms=query.until_ms,
    )


def _in_filter(query: EventQuery, event: EventView) -> bool:
    if query.since_ms is not None and event.appended_ms < query.since_ms:
        return False
    if query.until_ms is not None and event.appended_ms >= query.until_ms:
        return False
    if event.event_type == RECEIPTS and not query.types and not query.event_id:
        return False
    return (
        name_test(query.types)(event.event_type)
        and name_test(query.sources)(event.source)
        and name_test(query.topics)(event.topic)
    )


def _matches_ids(query: EventQuery, event: EventView) -> bool:
    """The index knows that a value occurs, not as which id."""
    asked = (
        (query.event_id, event.event_id),
        (query.correlation_id, correlation_of(event)),
        (query.causation_id, event.causation_id),
        (query.trace_id, event.trace_id),
    )
    return all(not wanted or stored_id(wanted) == has for wanted, has in asked)


def _order(event: EventView) -> tuple[int, str, tuple[int, ...]]:
    return event.appended_ms, event.topic, tuple(int(part) for part in event.position.split("-"))


def _place(event: EventView) -> str:
    return f"{event.appended_ms} {event.position} {event.topic}"


def _past(events: list[EventView], place: str | None, *, newest_first: bool) -> list[EventView]:
    if place is None:
        return events
    try:
        appended, position, topic = place.split(" ", 2)
        after = (int(appended), topic, tuple(int(part) for part in position.split("-")))
    except ValueError as error:
        raise FilterError("cursor", "belongs to another list") from error
    if newest_first:
        return [event for event in events if _order(event) < after]
    return [event for event in events if _order(event) > after]
