"""Scanning by filter: the places of a page from the small columns, in the order of the table, then their events."""

from __future__ import annotations

from ingest.store.base import Cursor, EventFilter, Page, StoredEvent
from ingest.store.clickhouse.conditions import beyond, within
from ingest.store.clickhouse.engine import Engine
from ingest.store.clickhouse.reading import AT_ONCE, read_events
from ingest.store.globs import FilterNames

__all__ = ["scan_events"]


def scan_events(
    engine: Engine, where: EventFilter, *, after: Cursor | None, limit: int, newest_first: bool
) -> Page:
    """One page of the events that ``where`` selects, after the place ``after``.

    The places are those of any version of a row; whether the one that counts fits is judged again.
    """
    names = FilterNames(where)
    found: list[StoredEvent] = []
    place = after
    while len(found) <= limit:
        most = min(AT_ONCE, limit + 1 - len(found))
        places = _places(engine, where, place, most=most, newest_first=newest_first)
        wanted = set(places)
        events = read_events(engine, [(at, stream, minor) for at, stream, _, minor in wanted])
        found += [
            event
            for event in (reversed(events) if newest_first else events)
            if event.cursor in wanted and names.fits(event.event_type, event.source, event.topic)
        ]
        if len(places) < most:
            break
        place = places[-1]
    following = found[limit - 1].cursor if len(found) > limit else None
    return Page(found[:limit], following)


def _places(
    engine: Engine, where: EventFilter, after: Cursor | None, *, most: int, newest_first: bool
) -> list[Cursor]:
    """The next rows' places, in order; one that was written twice comes twice.

    `LIMIT 1 BY` would leave that out, and read the whole range to do so: without it the table is read in its
    own order until there are enough rows.
    """
    conditions = within(where)
    if after is not None:
        conditions += beyond(after, newest_first=newest_first)
    sign = " DESC" if newest_first else ""
    order = ", ".join(f"{name}{sign}" for name in Cursor._fields)
    rows = engine.rows(
        f"SELECT appended_ms, stream_id, major, minor FROM {engine.table('events')} "
        f"WHERE {' AND '.join(conditions) or '1'} ORDER BY {order} LIMIT {most}"
    )
    return [Cursor(*row) for row in rows]
