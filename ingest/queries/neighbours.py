"""What stands before and after an event on its stream or partition."""

from __future__ import annotations

from typing import NamedTuple

from ingest.queries.events import EventView, shared_store
from ingest.store.base import Cursor, EventFilter, StoredEvent

__all__ = ["Neighbours", "read_neighbours"]

_PAGES = 4
_MORE = 8
"""Other partitions of the topic stand between: so many events more are read at once."""


class Neighbours(NamedTuple):
    """Nearest first. ``complete`` is False if other partitions had so much that the search ended."""

    before: list[EventView]
    after: list[EventView]
    complete: bool

    @property
    def previous(self) -> EventView | None:
        return self.before[0] if self.before else None

    @property
    def next(self) -> EventView | None:
        return self.after[0] if self.after else None


def read_neighbours(event: EventView, count: int) -> Neighbours:
    """Up to ``count`` events on either side of ``event`` in the order of its stream."""
    before, whole = _side(event.stored, count, newest_first=True)
    after, whole_too = _side(event.stored, count, newest_first=False)
    return Neighbours(before, after, whole and whole_too)


def _side(event: StoredEvent, count: int, *, newest_first: bool) -> tuple[list[EventView], bool]:
    where = EventFilter(topics=(event.topic,))
    place: Cursor | None = event.cursor
    found: list[EventView] = []
    for _ in range(_PAGES):
        page = shared_store().scan(
            where, after=place, limit=count + _MORE, newest_first=newest_first
        )
        found += [EventView(one) for one in page.events if one.stream_id == event.stream_id]
        place = page.next
        if len(found) >= count or place is None:
            return found[:count], True
    return found, False
