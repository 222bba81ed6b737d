"""Reading events: lists by filter, look-ups by any id. The dashboard's only door to the store."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import msgspec
import xxhash

from eventscope.errors import EventscopeError
from ingest.envelopes import (
    FORMAT_NAMES,
    Readable,
    configured_decoder,
    innermost,
    stored_id,
)
from ingest.queries.bodies import read_body
from ingest.queries.opening import open_stored
from ingest.queries.rereading import broker_of, read_again
from ingest.records import Flag, Record
from ingest.store import open_store
from ingest.store.base import (
    FOUND_BYTES,
    Cursor,
    EventFilter,
    EventStore,
    StoredEvent,
    StoreUnavailable,
)
from ingest.store.keys import record_keys
from ingest.store.proof import UNTELLING
from ingest.store.snapshot import ReadingTooLong
from ingest.store.sql import decode_stored, read_headers, to_message
from ingest.store.streams import forget_streams, partition_of
from ingest.wire import WIRE, why_undecoded

__all__ = [
    "CursorError",
    "EventFilter",
    "EventPage",
    "EventView",
    "FoundEvents",
    "ReadingTooLong",
    "StoreUnavailable",
    "find_correlation",
    "find_events",
    "forget_names",
    "get_event",
    "list_events",
    "oldest_ms",
    "shared_store",
]


class CursorError(EventscopeError, ValueError):
    """The cursor is not one of this list: it is damaged, or belongs to another filter."""


class EventView:
    """One stored event as the dashboard shows it; ids and envelope are decoded when first asked.

    ``cursor`` goes on with a list behind this event; it is "" for an event that was found by id.
    """

    def __init__(self, stored: StoredEvent, cursor: str = "") -> None:
        self.stored = stored
        self.cursor = cursor
        self.stream_id = stored.stream_id
        self.event_type = stored.event_type
        self.source = stored.source
        self.topic = stored.topic
        self.appended_ms = stored.appended_ms
        self.occurred_ms = stored.occurred_ms
        self.body = stored.body
        self.flags = stored.flags
        self.size = stored.size

    def __repr__(self) -> str:
        return f"<EventView {self.event_id} {self.event_type} {self.topic} {self.position}>"

    @cached_property
    def record(self) -> Record | None:
        """The event decoded again; None if its body cannot be (it was cut, or is encrypted)."""
        return decode_stored(self.stored)

    @property
    def event_id(self) -> str:
        return (
            self.record.event_id if self.record else f"{self.topic}@{to_message(self.stored).place}"
        )

    @property
    def correlation_id(self) -> str:
        return self.record.correlation_id if self.record else ""

    @property
    def version(self) -> str:
        """The version that its envelope tells; "" if it tells none, or cannot be read."""
        if self.record is None:
            return ""
        return configured_decoder().payload_of(to_message(self.stored), self.topic).version

    @property
    def causation_id(self) -> str:
        return self.record.causation_id if self.record else ""

    @property
    def trace_id(self) -> str:
        return self.record.trace_id if self.record else ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Further values that this event is found by."""
        return self.record.keys if self.record else ()

    def values_at(self, path: str) -> tuple[str, ...]:
        """The scalars at a dotted path such as ``payload.orderId``, written as keys are."""
        return configured_decoder().values_at(to_message(self.stored), self.topic, path)

    def holds(self, path: str, values: Collection[str]) -> bool:
        """Whether one of ``values`` stands at ``path``; what is sealed is opened for the comparison."""
        stored = self.stored
        if self.flags & Flag.ENCRYPTED:
            stored = msgspec.structs.replace(stored, body=open_stored(stored).text)
        told = configured_decoder().values_at(to_message(stored), self.topic, path)
        return not set(told).isdisjoint(map(stored_id, values))

    def bears(self, values: Collection[str]) -> bool:
        """Whether one of ``values`` is a key of it; one that can no longer tell is believed to bear them."""
        if self.flags & UNTELLING:
            return True
        told = record_keys(self.record) if self.record else ()
        return not set(told).isdisjoint(map(stored_id, values))

    @property
    def detail(self) -> object | None:
        """The payload of a system event (`ingest.system`), else None."""
        return self.record.detail if self.record else None

    @property
    def partition(self) -> int | None:
        """Of a Kafka topic, within which `position` tells; None of a Redis stream."""
        return partition_of(self.stream_id)

    @property
    def position(self) -> str:
        """As the broker writes it: "ms-seq" on Redis, the offset on Kafka."""
        major, minor = self.stored.position
        return position_text(major, minor, kafka=self.partition is not None)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names and values as text; the broker's key stands under ``:key``, the bytes that a schema made
        readable do not."""
        return [
            (name.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
            for name, value in read_headers(self.stored)
            if name != WIRE
        ]

    @property
    def undecoded(self) -> str:
        """Why no schema made the value readable when it was stored, "" if none was needed or one did."""
        return why_undecoded(read_headers(self.stored))

    @property
    def is_tombstone(self) -> bool:
        """Whether it says that its key is gone (`ingest.records.Message`)."""
        return not self.body and to_message(self.stored).is_tombstone

    @property
    def format(self) -> str:
        return FORMAT_NAMES.get(self.flags & Flag.FORMAT_MASK, "unknown")

    @cached_property
    def envelope(self) -> Any:
        """The envelope as JSON tells it; as text where it is no JSON (`read_body`).

        A native one is its whole body, which spares looking for it: a history may have thousands.
        """
        return read_body(self.body if self.format == "native" else self._readable.envelope)

    @cached_property
    def payload(self) -> Any:
        """The payload, wherever the format keeps it; None if it has none."""
        payload = self._readable.payload
        return read_body(payload) if payload else None

    @cached_property
    def _readable(self) -> Readable:
        return innermost(read_again(to_message(self.stored), self.stream_id), self.topic)


class EventPage(NamedTuple):
    """``next`` is None at the end. Not ``complete``: the page ended early, go on with ``next``."""

    events: list[EventView]
    next: str | None
    complete: bool = True


def list_events(
    where: EventFilter, *, cursor: str | None = None, limit: int = 100, newest_first: bool = True
) -> EventPage:
    """One page of the events that ``where`` selects. Raises `CursorError`."""
    digest = _digest(where, newest_first=newest_first)
    after = _open_cursor(cursor, digest) if cursor else None
    page = shared_store().scan(where, after=after, limit=limit, newest_first=newest_first)
    events = [EventView(event, _seal_cursor(event.cursor, digest)) for event in page.events]
    following = None if page.next is None else _seal_cursor(page.next, digest)
    return EventPage(events, following, page.complete)


class FoundEvents(list[EventView]):
    """``cut``: their bodies reached `FOUND_BYTES`, and what lies beyond is left out."""

    cut = False


def find_events(
    values: Sequence[str],
    *,
    limit: int = 1000,
    before_ms: int | None = None,
    from_ms: int | None = None,
) -> FoundEvents:
    """Events that carry any of ``values`` as a key, oldest first, at most ``limit`` and `FOUND_BYTES` of bodies.

    With ``before_ms`` newest first, of those appended before it; with ``from_ms`` of those appended since it.
    """
    wanted = [stored_id(value) for value in values]
    found = shared_store().find(
        wanted, limit=limit, before_ms=before_ms, from_ms=from_ms, most_bytes=FOUND_BYTES
    )
    events = FoundEvents(map(EventView, found))
    events.cut = found.cut
    return events


def get_event(event_id: str) -> list[EventView]:
    """The event in every place where it was seen, oldest first; [] if it is not stored."""
    wanted = stored_id(event_id)
    return [event for event in find_events([wanted]) if event.event_id == wanted]


def find_correlation(correlation_id: str, *, limit: int = 10_000) -> list[EventView]:
    """The events of a correlation, oldest first."""
    wanted = stored_id(correlation_id)
    found = find_events([wanted], limit=limit)
    return [event for event in found if event.correlation_id == wanted]


def oldest_ms() -> int | None:
    """Append time of the oldest event that is stored; None while there is none."""
    return shared_store().oldest_ms()


@lru_cache(maxsize=1)
def shared_store() -> EventStore:
    """The process's store for reading; it keeps the names of series and streams."""
    return open_store()


def position_text(major: int, minor: int, *, kafka: bool) -> str:
    """A position as the broker writes it: "ms-seq" on Redis, the offset on Kafka."""
    return str(minor) if kafka else f"{major}-{minor}"


def forget_names() -> None:
    """Drop what is remembered of the database: needed when another one takes its place."""
    shared_store.cache_clear()
    broker_of.cache_clear()
    forget_streams()


def _digest(where: EventFilter, *, newest_first: bool) -> int:
    asked = msgspec.msgpack.encode((where, newest_first))
    return xxhash.xxh3_64_intdigest(asked) >> 32


def _seal_cursor(place: Cursor, digest: int) -> str:
    packed = msgspec.msgpack.encode((digest, *place))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _open_cursor(text: str, digest: int) -> Cursor:
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        told, *place = msgspec.msgpack.decode(packed, type=tuple[int, int, int, int, int])
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise CursorError("The cursor is damaged; start the list again.") from error
    if told != digest or any(not -(1 << 63) <= part < 1 << 63 for part in place):
        raise CursorError("The cursor belongs to another list; start this one again.")
    return Cursor(*place)
