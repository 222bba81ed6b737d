"""Scanning by filter: the places of a page from the small columns, in the order of the table, then their events."""

from __future__ import annotations

from ingest.store.base import PAGE_BYTES, Cursor, EventFilter, Page, StoredEvent
from ingest.store.clickhouse.conditions import beyond, within
from ingest.store.clickhouse.engine import Engine
from ingest.store.clickhouse.reading import AT_ONCE, read_events
from ingest.store.globs import FilterNames

__all__ = ["scan_events"]

_HEAVIEST = 1024 * 1024
"""What a body counts at most: what arrived larger than `[limits] body_bytes` is stored cut."""


def scan_events(
    engine: Engine, where: EventFilter, *, after: Cursor | None, limit: int, newest_first: bool
) -> Page:
    """One page of the events that ``where`` selects, after the place ``after``.

    The places are those of any version of a row; whether the one that counts fits is judged again.
    """
    names = FilterNames(where)
    found: list[StoredEvent] = []
    place, left = after, PAGE_BYTES
    while len(found) <= limit:
        most = min(AT_ONCE, limit + 1 - len(found))
        rows = _rows(engine, where, place, most=most, newest_first=newest_first)
        places, left = _take(rows, left)
        wanted = set(places)
        events = read_events(engine, [(at, stream, minor) for at, stream, _, minor in wanted])
        found += [
            event
            for event in (reversed(events) if newest_first else events)
            if event.cursor in wanted and names.fits(event.event_type, event.source, event.topic)
        ]
        if left <= 0 and len(found) <= limit:
            return Page(found, places[-1])
        if len(rows) < most:
            break
        place = places[-1]
    following = found[limit - 1].cursor if len(found) > limit else None
    return Page(found[:limit], following)


def _take(rows: list[tuple[Cursor, int]], left: int) -> tuple[list[Cursor], int]:
    """The places of ``rows`` until ``left`` bytes of bodies are spent, and what is left of these."""
    taken: list[Cursor] = []
    for place, size in rows:
        taken.append(place)
        left -= size
        if left <= 0:
            break
    return taken, left


def _rows(
    engine: Engine, where: EventFilter, after: Cursor | None, *, most: int, newest_first: bool
) -> list[tuple[Cursor, int]]:
    """The next rows' places, in order, and the bytes of their bodies; one that was written twice comes twice.

    `LIMIT 1 BY` would leave that out, and read the whole range to do so: without it the table is read in its
    own order until there are enough rows.
    """
    conditions = within(where)
    if after is not None:
        conditions += beyond(after, newest_first=newest_first)
    sign = " DESC" if newest_first else ""
    order = ", ".join(f"{name}{sign}" for name in Cursor._fields)
    rows = engine.rows(
        f"SELECT appended_ms, stream_id, major, minor, least(size, {_HEAVIEST}) FROM {engine.table('events')} "
        f"WHERE {' AND '.join(conditions) or '1'} ORDER BY {order} LIMIT {most}"
    )
    return [(Cursor(*row[:-1]), row[-1]) for row in rows]
