"""Events by id or by another indexed value: looked up, verified, then filtered like any list."""

from __future__ import annotations

from django.conf import settings

from dashboard.explore.filters import EventQuery, FilterError
from dashboard.explore.judging import handled_as_asked, has_values, is_entity
from dashboard.explore.rows import FOUND_LIMIT, RECEIPTS, Row, correlation_of, rows_of
from ingest.envelopes import stored_id
from ingest.queries.events import EventView, find_events
from ingest.store.globs import name_test

__all__ = ["look_up", "place_of"]

CHUNK = 500


def look_up(query: EventQuery, place: str | None) -> tuple[list[Row], bool]:
    """The page of events that carry all that is asked, and whether more follow."""
    first, *others = query.needles
    found = find_events(first, limit=FOUND_LIMIT)
    for values in others:
        also = {place_of(event) for event in find_events(values, limit=FOUND_LIMIT)}
        found = [event for event in found if place_of(event) in also]
    matches = [event for event in found if _fits(query, event)]
    matches.sort(key=_order, reverse=query.newest_first)
    matches = _past(matches, place, newest_first=query.newest_first)
    rows = _first_rows(query, matches)
    return rows[: query.limit], len(rows) > query.limit


def place_of(event: EventView) -> str:
    """The event's place in lists of found events, as a cursor keeps it."""
    return f"{event.appended_ms} {event.position} {event.topic}"


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
        _in_range(query, event)
        and _named_as_asked(query, event)
        and _has_ids(query, event)
        and has_values(query, event)
        and (not query.entity or is_entity(query.entity, event, settings.INGEST.entities))
    )


def _in_range(query: EventQuery, event: EventView) -> bool:
    if query.since_ms is not None and event.appended_ms < query.since_ms:
        return False
    return query.until_ms is None or event.appended_ms < query.until_ms


def _named_as_asked(query: EventQuery, event: EventView) -> bool:
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


def _order(event: EventView) -> tuple[int, str, tuple[int, ...]]:
    return event.appended_ms, event.topic, tuple(int(part) for part in event.position.split("-"))


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
