"""Events by id or by another indexed value: looked up, verified, then filtered like any list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from django.conf import settings

from dashboard.explore.filters import EventQuery
from dashboard.explore.judging import handled_as_asked, has_values, is_entity
from dashboard.explore.places import Place, in_order, in_range, place_of
from dashboard.explore.rows import FOUND_LIMIT, RECEIPTS, Row, correlation_of, rows_of
from dashboard.explore.values import LATEST_MS
from ingest.envelopes import stored_id
from ingest.queries.entities import EntityKind, entity_kinds
from ingest.queries.events import EventView, find_events
from ingest.store.globs import name_test

__all__ = ["look_up", "named_as_asked"]

CHUNK = 100
MORE = 10
"""So many beyond a page are read with it, as some do not fit."""

Fits = Callable[[EventView], bool]


def look_up(query: EventQuery, after: Place | None) -> tuple[list[Row], Place | None]:
    """The page of events that carry all that is asked, and the place to go on behind, None at the end."""
    kinds = entity_kinds(settings.INGEST) if query.entity else {}
    fits = partial(_fits, query, kinds)
    if query.newest_first and len(query.needles) == 1:
        return _newest(query, query.needles[0], after, fits)
    matches = [
        event
        for event in in_order(_carrying_all(query.needles), query)
        if (after is None or after.precedes(event, query)) and fits(event)
    ]
    rows: list[Row] = []
    for first in range(0, len(matches), CHUNK):
        rows += _judged(query, matches[first : first + CHUNK])
        if len(rows) > query.limit:
            return _cut(query, rows)
    return rows, None


def _newest(
    query: EventQuery, values: Sequence[str], after: Place | None, fits: Fits
) -> tuple[list[Row], Place | None]:
    """Read back from ``after`` until the page is full; a value may be carried by millions."""
    rows: list[Row] = []
    read, size = 0, query.limit + MORE
    while read < FOUND_LIMIT:
        found = find_events(values, limit=size, before_ms=_before(query, after))
        fresh = [
            event
            for event in in_order(found, query)
            if after is None or after.precedes(event, query)
        ]
        rows += _judged(query, list(filter(fits, fresh)))
        if len(rows) > query.limit:
            return _cut(query, rows)
        if len(found) < size or _is_past(query, found[-1]):
            return rows, None
        after = place_of(fresh[-1]) if fresh else after
        read += len(found)
        size *= 2
    return rows, after


def _before(query: EventQuery, after: Place | None) -> int:
    until = LATEST_MS if query.until_ms is None else query.until_ms
    return until if after is None else min(until, after.appended_ms + 1)


def _is_past(query: EventQuery, event: EventView) -> bool:
    return query.since_ms is not None and event.appended_ms < query.since_ms


def _carrying_all(needles: Sequence[Sequence[str]]) -> list[EventView]:
    """Events that carry a value of each group."""
    first, *others = needles
    found = find_events(first, limit=FOUND_LIMIT)
    for values in others:
        also = {place_of(event) for event in find_events(values, limit=FOUND_LIMIT)}
        found = [event for event in found if place_of(event) in also]
    return found


def _cut(query: EventQuery, rows: list[Row]) -> tuple[list[Row], Place]:
    page = rows[: query.limit]
    return page, place_of(page[-1].event)


def _judged(query: EventQuery, events: Sequence[EventView]) -> list[Row]:
    if not query.judged:
        return rows_of(events[: query.limit + 1])
    return [
        row
        for row in rows_of(events)
        if handled_as_asked(query, row.event.event_type, row.handlings)
    ]


def _fits(query: EventQuery, kinds: Mapping[str, EntityKind], event: EventView) -> bool:
    """All but what consumers did. The index knows that a value occurs, not as what."""
    return (
        in_range(query, event)
        and named_as_asked(query, event)
        and _has_ids(query, event)
        and has_values(query, event)
        and (not query.entity or is_entity(query.entity, event, kinds))
    )


def named_as_asked(query: EventQuery, event: EventView) -> bool:
    """By type, source and topic; receipts that only name an id are not meant."""
    if event.event_type == RECEIPTS and not query.types and not query.event_id:
        return False
    return (
        name_test(query.types)(event.event_type)
        and name_test(query.sources)(event.source)
        and name_test(query.topics)(event.topic)
    )


def _has_ids(query: EventQuery, event: EventView) -> bool:
    asked = (
        (query.event_id, event.event_id),
        (query.correlation_id, correlation_of(event)),
        (query.causation_id, event.causation_id),
        (query.trace_id, event.trace_id),
    )
    return all(not wanted or stored_id(wanted) == has for wanted, has in asked)
