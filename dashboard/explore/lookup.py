"""Events by id or by another indexed value: looked up, verified, then filtered like any list."""

from __future__ import annotations

from django.conf import settings

from dashboard.explore.filters import EventQuery
from dashboard.explore.judging import handled_as_asked, has_values, is_entity
from dashboard.explore.places import Place, in_order, in_range, place_of
from dashboard.explore.rows import FOUND_LIMIT, RECEIPTS, Row, correlation_of, rows_of
from ingest.envelopes import stored_id
from ingest.queries.events import EventView, find_events
from ingest.store.globs import name_test

__all__ = ["look_up", "named_as_asked"]

CHUNK = 500


def look_up(query: EventQuery, after: Place | None) -> tuple[list[Row], bool]:
    """The page of events that carry all that is asked, and whether more follow."""
    first, *others = query.needles
    found = find_events(first, limit=FOUND_LIMIT)
    for values in others:
        also = {place_of(event) for event in find_events(values, limit=FOUND_LIMIT)}
        found = [event for event in found if place_of(event) in also]
    matches = [
        event
        for event in in_order(found, query)
        if (after is None or after.precedes(event, query)) and _fits(query, event)
    ]
    rows = _first_rows(query, matches)
    return rows[: query.limit], len(rows) > query.limit


def _first_rows(query: EventQuery, matches: list[EventView]) -> list[Row]:
    """One row more than the page holds, if there is one."""
    if not query.judged:
        return rows_of(matches[: query.limit + 1])
    rows: list[Row] = []
    for first in range(0, len(matches), CHUNK):
        some = rows_of(matches[first : first + CHUNK])
        rows += [
            row for row in some if handled_as_asked(query, row.event.event_type, row.handlings)
        ]
        if len(rows) > query.limit:
            break
    return rows


def _fits(query: EventQuery, event: EventView) -> bool:
    """All but what consumers did. The index knows that a value occurs, not as what."""
    return (
        in_range(query, event)
        and named_as_asked(query, event)
        and _has_ids(query, event)
        and has_values(query, event)
        and (not query.entity or is_entity(query.entity, event, settings.INGEST.entities))
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
