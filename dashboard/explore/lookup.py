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
from ingest.queries.events import EventView, FoundEvents, find_events
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
    first, *others = query.needles
    if not others:
        return _read_on(query, first, after, fits)
    found, whole = _carrying_all(query.needles)
    if not whole:
        return _read_on(query, first, after, lambda event: fits(event) and _bears(event, others))
    matches = [
        event
        for event in in_order(found, query)
        if (after is None or after.precedes(event, query)) and fits(event)
    ]
    rows: list[Row] = []
    for start in range(0, len(matches), CHUNK):
        rows += _judged(query, matches[start : start + CHUNK])
        if len(rows) > query.limit:
            return _cut(query, rows)
    return rows, None


def _read_on(
    query: EventQuery, values: Sequence[str], after: Place | None, fits: Fits
) -> tuple[list[Row], Place | None]:
    """Read on from ``after`` until the page is full; a value may be carried by millions."""
    rows: list[Row] = []
    read, size = 0, query.limit + MORE
    while read < FOUND_LIMIT:
        found = _found_behind(query, values, after, size)
        fresh = [
            event
            for event in in_order(found, query)
            if after is None or after.precedes(event, query)
        ]
        rows += _judged(query, list(filter(fits, fresh)))
        if len(rows) > query.limit:
            return _cut(query, rows)
        if (len(found) < size and not found.cut) or _is_past(query, found[-1]):
            return rows, None
        after = place_of(fresh[-1]) if fresh else after
        read += len(found)
        size *= 2
    return rows, after


def _found_behind(
    query: EventQuery, values: Sequence[str], after: Place | None, size: int
) -> FoundEvents:
    """``size`` events that carry one of ``values``, from ``after`` on, what lies at its moment among them."""
    if query.newest_first:
        until = LATEST_MS if query.until_ms is None else query.until_ms
        before = until if after is None else min(until, after.appended_ms + 1)
        return find_events(values, limit=size, before_ms=before)
    since = query.since_ms or 0
    return find_events(
        values, limit=size, from_ms=since if after is None else max(since, after.appended_ms)
    )


def _is_past(query: EventQuery, event: EventView) -> bool:
    if query.newest_first:
        return query.since_ms is not None and event.appended_ms < query.since_ms
    return query.until_ms is not None and event.appended_ms >= query.until_ms


def _carrying_all(needles: Sequence[Sequence[str]]) -> tuple[list[EventView], bool]:
    """Events that carry a value of each group, and whether these are all that do.

    They are chosen from those of the group that the fewest carry. Of a group that more carry than are
    read, each event is asked itself.
    """
    groups = [(values, find_events(values, limit=FOUND_LIMIT)) for values in needles]
    groups.sort(key=lambda group: (not _whole(group[1]), len(group[1])))
    (_, fewest), *others = groups
    found: list[EventView] = fewest
    for values, carrying in others:
        if _whole(carrying):
            also = {place_of(event) for event in carrying}
            found = [event for event in found if place_of(event) in also]
        else:
            found = [event for event in found if event.bears(values)]
    return found, _whole(fewest)


def _whole(found: FoundEvents) -> bool:
    """Whether nothing was left out."""
    return len(found) < FOUND_LIMIT and not found.cut


def _bears(event: EventView, needles: Sequence[Sequence[str]]) -> bool:
    return all(event.bears(values) for values in needles)


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
