"""Events by how they were handled: looked up by the marks of receipts, window by window of their time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import NamedTuple

from ingest.envelopes import stored_id
from ingest.queries.events import EventFilter, EventView, shared_store
from ingest.store.marked import walk_marked
from ingest.store.marks import Told, told_by
from ingest.store.snapshot import snapshot
from ingest.system import RECEIPT_TYPES

__all__ = ["HandledWindow", "events_told", "walk_handled"]

CHUNK = 200
FOUND_LIMIT = 10_000
_OTHERS = tuple(f"!{type}" for type in RECEIPT_TYPES)
"""All but what tells of handlings."""

Wanted = Callable[[Told], bool]


class HandledWindow(NamedTuple):
    """[from_ms, until_ms) of append; ``events`` are its candidates, in order, read as they are asked for."""

    from_ms: int
    until_ms: int
    events: Iterator[list[EventView]]


def walk_handled(
    names: Sequence[str],
    wanted: Wanted,
    *,
    since_ms: int,
    until_ms: int,
    newest_first: bool,
    few: int,
) -> Generator[HandledWindow]:
    """Windows over [since, until) with the events of which a handling that is ``wanted`` is told.

    ``names`` are of `ingest.store.marks`; about ``few`` messages are read at once. All is read from one
    state of the database.
    """
    with snapshot():
        for from_ms, until, places in walk_marked(
            names, since_ms=since_ms, until_ms=until_ms, newest_first=newest_first, few=few
        ):
            window = range(max(from_ms, since_ms), min(until, until_ms))
            events = _events(places, wanted, window, newest_first=newest_first)
            yield HandledWindow(window.start, window.stop, events)


def events_told(
    wanted: Wanted, *, since_ms: int, until_ms: int, most: int
) -> tuple[list[EventView], bool]:
    """Events, whenever appended, of which a ``wanted`` handling was told in [since, until).

    Of the newest ``most`` messages; whether there were more.
    """
    where = EventFilter(types=RECEIPT_TYPES, since_ms=since_ms, until_ms=until_ms)
    with snapshot():
        page = shared_store().scan(where, limit=most)
        records = (EventView(event).record for event in page.events)
        ids = {
            stored_id(told.event_id)
            for record in records
            if record is not None
            for told in told_by(record, dead_letter=False)
            if wanted(told)
        }
        found = shared_store().find(list(ids), limit=FOUND_LIMIT, only_types=_OTHERS)
    views = [EventView(event) for event in found]
    return [view for view in views if view.event_id in ids], page.next is not None


def _events(
    places: Sequence[tuple[int, int]], wanted: Wanted, window: range, *, newest_first: bool
) -> Iterator[list[EventView]]:
    told = _told(places, wanted, window) if places else []
    for ids in _chunks(told, newest_first=newest_first):
        found = shared_store().find(
            ids, limit=FOUND_LIMIT, since_ms=window.start, only_types=_OTHERS
        )
        views = [EventView(event) for event in found if event.appended_ms in window]
        named = set(ids)
        chosen = [view for view in views if view.event_id in named]
        if chosen:
            yield chosen[::-1] if newest_first else chosen


def _told(
    places: Sequence[tuple[int, int]], wanted: Wanted, window: range
) -> list[tuple[int, int, str]]:
    """(from_ms, until_ms, event id) of each event that may lie in the window, once."""
    spans: dict[str, tuple[int, int]] = {}
    for event in shared_store().read(places):
        record = EventView(event).record
        if record is None:
            continue
        for told in told_by(record, dead_letter=True):
            touches = told.from_ms < window.stop and told.until_ms >= window.start
            if touches and wanted(told):
                spans[stored_id(told.event_id)] = (told.from_ms, told.until_ms)
    return [(from_ms, until_ms, event_id) for event_id, (from_ms, until_ms) in spans.items()]


def _chunks(told: Iterable[tuple[int, int, str]], *, newest_first: bool) -> Iterator[list[str]]:
    """Ids in order of time, some at a time; times that are not exact stay together, as they may cross."""
    ordered = sorted(told, reverse=newest_first)
    chunk: list[str] = []
    edge: int | None = None
    for from_ms, until_ms, event_id in ordered:
        apart = edge is None or (until_ms < edge if newest_first else from_ms > edge)
        if len(chunk) >= CHUNK and apart:
            yield chunk
            chunk, edge = [], None
        chunk.append(event_id)
        reach = from_ms if newest_first else until_ms
        edge = reach if edge is None else (min if newest_first else max)(edge, reach)
    if chunk:
        yield chunk
