"""The interface of an event store: append a batch, find by key, scan by filter, purge, maintain."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import msgspec

from eventscope.errors import EventscopeError
from ingest.records import Batch, Position

__all__ = [
    "Cursor",
    "EventFilter",
    "EventStore",
    "Page",
    "Place",
    "PurgeReport",
    "SeriesCodes",
    "StoreError",
    "StoreUnavailable",
    "StoredEvent",
    "Window",
]


class StoreError(EventscopeError):
    """The event store could not do what was asked."""


class StoreUnavailable(StoreError):
    """The event store cannot be reached, is full or refuses what is asked now; later it may not."""


class SeriesCodes(Protocol):
    """Names to series ids, made on first sight, inside the caller's transaction.

    Beyond the configured number of series a name gets the id of its ``__overflow__`` series.
    """

    def code(self, type: str, source: str, consumer: str, topic: str, group: str = "") -> int: ...


class StoredEvent(msgspec.Struct, gc=False):
    """One event as read back. ``body`` and ``headers`` are as in `ingest.records.Record`."""

    stream_id: int
    topic: str
    position: Position
    appended_ms: int
    occurred_ms: int | None
    event_type: str
    source: str
    body: bytes
    headers: bytes
    flags: int
    size: int

    @property
    def cursor(self) -> Cursor:
        """Its place in the order of all."""
        return Cursor(self.appended_ms, self.stream_id, *self.position)


class Cursor(NamedTuple):
    """The place of one event in the order (append time, stream, position)."""

    appended_ms: int
    stream_id: int
    major: int
    minor: int


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan selects. Names may be globs (``ORDER_*``), with ``!`` in front to leave out what fits.

    Times are half-open, ms of append.
    """

    types: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    since_ms: int | None = None
    until_ms: int | None = None


PAGE_BYTES = 16 * 1024 * 1024
"""Of bodies in a page: the event that reaches it is the page's last, whatever limit was asked."""


FOUND_BYTES = 128 * 1024 * 1024
"""Of bodies that are found by a value and read at once, such as those of a story."""


class Found(list[StoredEvent]):
    """Events in the asked order. ``cut``: their bodies reached the bytes asked for, and what lies beyond is left out."""

    cut = False


def fitting(events: Sequence[StoredEvent], most_bytes: int | None) -> int:
    """How many of ``events``, from the first, until one reaches ``most_bytes`` of bodies; None is no bound."""
    if most_bytes is None:
        return len(events)
    left = most_bytes
    for number, event in enumerate(events, 1):
        left -= len(event.body)
        if left <= 0:
            return number
    return len(events)


class Page(NamedTuple):
    """Events in the asked order, and the cursor to go on from (None at the end).

    ``complete`` is False when the scan's budget ended it early; ``next`` then goes on from there.
    """

    events: list[StoredEvent]
    next: Cursor | None
    complete: bool = True


Place = tuple[int, ...]
"""Where a store finds a message again: (block, row), or what another store has for it."""


class Window(NamedTuple):
    """[from_ms, until_ms) of the events' time; what tells of it stands at ``places``."""

    from_ms: int
    until_ms: int
    places: list[Place]


class PurgeReport(NamedTuple):
    blocks: int
    events: int
    size: int


class EventStore(Protocol):
    """Every store passes the one suite in ``tests/ingest/store/test_conformance.py``."""

    def stage(self, batch: Batch) -> None:
        """What can be done of `append` before the caller's transaction begins.

        A store outside of the database writes here: before the checkpoint moves, and without holding up
        whoever else writes to the database. Raises `StoreUnavailable`.
        """
        ...

    def append(self, batch: Batch, series: SeriesCodes) -> None:
        """Store the records of ``batch``; the caller's transaction makes it all or nothing.

        Where the store is outside of the database, a batch whose transaction did not hold is stored already,
        and changes nothing when it, or any other cut of the same messages, is stored again.
        """
        ...

    def reading(self) -> AbstractContextManager[None]:
        """What is read inside is one state, as far as the store can tell states apart."""
        ...

    def find(
        self,
        values: Sequence[str],
        *,
        limit: int = 1000,
        since_ms: int | None = None,
        only_types: Collection[str] = (),
        before_ms: int | None = None,
        from_ms: int | None = None,
        most_bytes: int | None = None,
    ) -> Found:
        """Events that carry any of ``values`` as a key, oldest first; verified against the body.

        When there are more than ``limit`` the newest are left out; ask for limit + 1 to know. They are left out
        as well behind the event that reaches ``most_bytes`` of bodies; `Found.cut` tells.
        ``since_ms`` is a hint that spares looking where all events are older; ``only_types``, if
        given, leaves out all other event types, or, with ``!`` in front, these.
        With ``before_ms`` newest first, of those appended before it, and the oldest are left out.
        With ``from_ms`` oldest first, of those appended since.
        """
        ...

    def scan(
        self,
        where: EventFilter,
        *,
        after: Cursor | None = None,
        limit: int = 100,
        newest_first: bool = True,
    ) -> Page:
        """One page of the events that ``where`` selects."""
        ...

    def walk(
        self,
        names: Sequence[str],
        *,
        since_ms: int,
        until_ms: int,
        newest_first: bool,
        few: int,
    ) -> Iterator[Window]:
        """Windows of [since, until) in order, with the messages that any of ``names`` marks (`ingest.store.marked`)."""
        ...

    def read(self, places: Sequence[Place]) -> list[StoredEvent]:
        """The messages at places that a walk found, as far as they are still stored."""
        ...

    def oldest_ms(self) -> int | None:
        """Append time of the oldest event; None while there is none."""
        ...

    def kept_since(self, since_ms: int, *, max_bytes: int) -> int:
        """``since_ms``, or the later moment from which on events take no more than ``max_bytes``."""
        ...

    def maintain(self) -> bool:
        """One bounded step of joining small blocks and merging key runs; True if more waits."""
        ...

    def purge(self, *, before_ms: int) -> PurgeReport:
        """Delete whole blocks whose newest event is older; bounded work a call."""
        ...
