"""Places in lists of events that were looked up: their order, and how a cursor keeps them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dashboard.explore.errors import FilterError
from dashboard.explore.filters import EventQuery
from ingest.queries.events import EventView

__all__ = ["Place", "edge_of", "in_order", "in_range", "place_of", "read_place"]

_LAST = "\U0010ffff"


class Place(NamedTuple):
    """Ordered by append, then topic, then position (its parts as numbers)."""

    appended_ms: int
    topic: str
    position: tuple[int, ...]

    def text(self) -> str:
        """As `read_place` reads it."""
        return f"{self.appended_ms} {'-'.join(map(str, self.position))} {self.topic}"

    def precedes(self, event: EventView, query: EventQuery) -> bool:
        """Whether ``event`` comes behind this place in the list of ``query``."""
        place = place_of(event)
        return place < self if query.newest_first else place > self


def place_of(event: EventView) -> Place:
    return Place(event.appended_ms, event.topic, tuple(map(int, event.position.split("-"))))


def edge_of(at_ms: int, query: EventQuery) -> Place:
    """Before everything of ``at_ms`` (newest first), or behind it (oldest first)."""
    return Place(at_ms, "", ()) if query.newest_first else Place(at_ms, _LAST, ())


def read_place(text: str) -> Place:
    """Raises `FilterError` for what is no place."""
    try:
        appended, position, topic = text.split(" ", 2)
        parts = tuple(int(part) for part in position.split("-")) if position else ()
        return Place(int(appended), topic, parts)
    except ValueError as error:
        raise FilterError("cursor", "belongs to another list") from error


def in_order(events: Iterable[EventView], query: EventQuery) -> list[EventView]:
    """As the list of ``query`` has them."""
    return sorted(events, key=place_of, reverse=query.newest_first)


def in_range(query: EventQuery, event: EventView) -> bool:
    if query.since_ms is not None and event.appended_ms < query.since_ms:
        return False
    return query.until_ms is None or event.appended_ms < query.until_ms
