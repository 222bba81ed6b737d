"""Events by how they were handled: looked up by the marks of receipts, window by window of their time.

Events and all that tells of them are found in one look-up, and what was read to find them is kept for it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from ingest.envelopes import stored_id
from ingest.queries.events import EventFilter, EventView, shared_store
from ingest.queries.receipts import receipts_among
from ingest.queries.wanted import Wanted
from ingest.records import Position, Record
from ingest.store.base import Place, StoredEvent
from ingest.store.kept import Kept
from ingest.store.sql import decode_stored
from ingest.system import RECEIPT_TYPES, Receipt

__all__ = ["Handled", "HandledWindow", "events_told", "walk_handled"]

FOUND_LIMIT = 20_000
KEPT_BYTES = 8 * 1024 * 1024
"""Of bodies whose records are kept."""
_OTHERS = tuple(f"!{type}" for type in RECEIPT_TYPES)
"""All but what tells of handlings."""


class Handled(NamedTuple):
    """Some events in order, and the receipts of those that have any, by event id."""

    events: list[EventView]
    receipts: dict[str, list[Receipt]]


class HandledWindow(NamedTuple):
    """[from_ms, until_ms) of append; ``handled`` are its candidates, in order, read as they are asked for."""

    from_ms: int
    until_ms: int
    handled: Iterator[Handled]


def walk_handled(
    names: Sequence[str],
    wanted: Wanted,
    *,
    since_ms: int,
    until_ms: int,
    newest_first: bool,
    few: int,
    at_once: int,
) -> Generator[HandledWindow]:
    """Windows over [since, until) with the events of which a handling that is ``wanted`` is told.

    ``names`` are of `ingest.store.marks`; about ``few`` messages are read at once, and ``at_once`` events
    looked up. All is read from one state of the database.
    """
    with shared_store().reading():
        reading = _Reading(wanted, newest_first=newest_first, at_once=at_once)
        for from_ms, until, places in shared_store().walk(
            names, since_ms=since_ms, until_ms=until_ms, newest_first=newest_first, few=few
        ):
            window = range(max(from_ms, since_ms), min(until, until_ms))
            yield HandledWindow(window.start, window.stop, reading.handled(places, window))


def events_told(
    wanted: Wanted, *, since_ms: int, until_ms: int, most: int
) -> tuple[list[EventView], bool]:
    """Events, whenever appended, of which a ``wanted`` handling was told in [since, until).

    Of the newest ``most`` messages; whether there were more.
    """
    where = EventFilter(types=RECEIPT_TYPES, since_ms=since_ms, until_ms=until_ms)
    with shared_store().reading():
        page = shared_store().scan(where, limit=most)
        records = (EventView(event).record for event in page.events)
        ids = {
            stored_id(told.event_id)
            for record in records
            if record is not None
            for told in wanted.told_by(record, dead_letter=False)
        }
        found = shared_store().find(list(ids), limit=FOUND_LIMIT, only_types=_OTHERS)
    views = [EventView(event) for event in found]
    return [view for view in views if view.event_id in ids], page.next is not None


class _Reading:
    """One walk's candidates; the records that it has read are kept for its next step."""

    def __init__(self, wanted: Wanted, *, newest_first: bool, at_once: int) -> None:
        self._wanted = wanted
        self._newest_first = newest_first
        self._at_once = at_once
        self._store = shared_store()
        self._records: Kept[tuple[int, Position], Record | None] = Kept(KEPT_BYTES)

    def handled(self, places: Sequence[Place], window: range) -> Iterator[Handled]:
        told = self._told(places, window) if places else []
        for ids in _chunks(told, self._at_once, newest_first=self._newest_first):
            handled = self._find(ids, window)
            if handled.events:
                yield handled

    def _find(self, ids: Sequence[str], window: range) -> Handled:
        """The events of ``ids`` in the window and all their receipts, in one look-up."""
        found = self._store.find(ids, limit=FOUND_LIMIT, since_ms=window.start)
        telling = (event for event in found if event.event_type in RECEIPT_TYPES)
        receipts = receipts_among(map(self._record, telling), ids)
        named = set(ids)
        views = [
            view
            for event in found
            if event.event_type not in RECEIPT_TYPES and event.appended_ms in window
            if (view := EventView(event)).event_id in named
        ]
        return Handled(views[::-1] if self._newest_first else views, receipts)

    def _told(self, places: Sequence[Place], window: range) -> list[tuple[int, int, str]]:
        """(from_ms, until_ms, event id) of each event that may lie in the window, once."""
        spans: dict[str, tuple[int, int]] = {}
        for record in map(self._record, self._store.read(places)):
            if record is None:
                continue
            for told in self._wanted.told_by(record, dead_letter=True):
                if told.from_ms < window.stop and told.until_ms >= window.start:
                    spans[stored_id(told.event_id)] = (told.from_ms, told.until_ms)
        return [(from_ms, until_ms, event_id) for event_id, (from_ms, until_ms) in spans.items()]

    def _record(self, event: StoredEvent) -> Record | None:
        """``event`` decoded, once while it is kept."""
        place = (event.stream_id, event.position)
        record = self._records.get(place)
        if record is None:
            record = decode_stored(event)
            self._records.put(place, record, len(event.body))
        return record


def _chunks(
    told: Iterable[tuple[int, int, str]], size: int, *, newest_first: bool
) -> Iterator[list[str]]:
    """Ids in order of time, some at a time; times that are not exact stay together, as they may cross.

    Spans are in order of the end that comes first, so that behind one that lies apart all others do.
    """
    ordered = sorted(told, key=itemgetter(1 if newest_first else 0), reverse=newest_first)
    chunk: list[str] = []
    edge: int | None = None
    for from_ms, until_ms, event_id in ordered:
        apart = edge is None or (until_ms < edge if newest_first else from_ms > edge)
        if len(chunk) >= size and apart:
            yield chunk
            chunk, edge = [], None
        chunk.append(event_id)
        reach = from_ms if newest_first else until_ms
        edge = reach if edge is None else (min if newest_first else max)(edge, reach)
    if chunk:
        yield chunk
