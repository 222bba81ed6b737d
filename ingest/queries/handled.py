"""Events by how they were handled: looked up by the marks of receipts, window by window of their time.

Events and all that tells of them are found in one look-up, and what was read to find them is kept for it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from ingest.envelopes import stored_id
from ingest.queries.events import EventFilter, EventView, shared_store
from ingest.queries.receipts import receipts_among
from ingest.queries.telling import Candidate, Message, chunks_of, told_in_order
from ingest.queries.wanted import Wanted
from ingest.records import Position, Record
from ingest.store.base import Place, StoredEvent
from ingest.store.kept import Kept
from ingest.store.marks import quick_range, told_range
from ingest.store.sql import decode_stored
from ingest.system import DETAILS, RECEIPT_TYPES, Receipt

__all__ = ["Handled", "HandledWindow", "events_told", "walk_handled"]

FOUND_LIMIT = 20_000
KEPT_BYTES = 8 * 1024 * 1024
"""Of bodies whose records are kept."""
_OTHERS = tuple(f"!{type}" for type in RECEIPT_TYPES)
"""All but what tells of handlings."""
_REPORTS = frozenset((*DETAILS, *RECEIPT_TYPES)) - {"DeadLettered"}
"""What services say of themselves, on a topic of its own."""


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
        self._counted: set[str] = set()
        self._stored_ms: int | None = None
        self._records: Kept[tuple[int, Position], Record | None] = Kept(KEPT_BYTES)

    def handled(self, places: Sequence[Place], window: range) -> Iterator[Handled]:
        read = self._store.read(places) if places else []
        messages = [found for event in read if (found := self._message(event)) is not None]
        told = told_in_order(messages, self._wanted, window, newest_first=self._newest_first)
        stored = filter(self._may_be_stored, told)
        for some in chunks_of(stored, self._at_once, newest_first=self._newest_first):
            handled = self._find([one.event_id for one in some], window)
            if handled.events:
                yield handled
            else:
                self._look_how_far(some)

    def _message(self, event: StoredEvent) -> Message | None:
        """``event`` with the time of what it tells, None if it tells of no handling."""
        native = event.event_type == RECEIPT_TYPES[0]
        span = quick_range(event.body, event.appended_ms) if native else None
        if span is None:
            record = self._record(event)
            span = None if record is None else told_range(record, dead_letter=True)
        return None if span is None else Message(*span, partial(self._record, event))

    def _may_be_stored(self, candidate: Candidate) -> bool:
        return self._stored_ms is None or candidate.from_ms <= self._stored_ms

    def _look_how_far(self, missed: Iterable[Candidate]) -> None:
        """Where handlings are stored before their events: up to when events are, to spare looking beyond.

        Reports come as late as handlings do, so they do not count but for those that somebody handles.
        """
        handled = {candidate.event_type for candidate in missed}
        if self._stored_ms is None or not handled <= self._counted:
            self._counted |= handled
            types = tuple(f"!{type}" for type in sorted(_REPORTS - self._counted))
            newest = self._store.scan(EventFilter(types=types), limit=1).events
            self._stored_ms = newest[0].appended_ms if newest else None

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

    def _record(self, event: StoredEvent) -> Record | None:
        """``event`` decoded, once while it is kept."""
        place = (event.stream_id, event.position)
        record = self._records.get(place)
        if record is None:
            record = decode_stored(event)
            self._records.put(place, record, len(event.body))
        return record
