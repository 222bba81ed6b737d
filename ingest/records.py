"""The canonical record that every envelope becomes, and the batch in which records travel.

This is the language that sources, envelopes, folds and stores share. Nothing here knows a broker,
a database or a format.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

__all__ = [
    "Batch",
    "Flag",
    "Message",
    "Position",
    "Quarantined",
    "Record",
    "Slice",
    "StreamRef",
]


class Position(NamedTuple):
    """Where a message stands in its stream or partition; ordered as the broker orders.

    Redis: (milliseconds, sequence) of the entry id. Kafka: (incarnation of the log, offset), see
    `ingest.sources.kafka_tails`.
    """

    major: int
    minor: int


class StreamRef(NamedTuple):
    """One Redis stream or one Kafka partition, as the row of `ingest.models.Stream` names it."""

    id: int
    broker: str
    topic: str
    partition: int
    dead_letters: bool


class Message(NamedTuple):
    """What a source hands over: bytes and headers, nothing understood yet.

    ``partition`` is that of a Kafka topic, None of a Redis stream.
    """

    position: Position
    appended_ms: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    partition: int | None = None

    @property
    def is_tombstone(self) -> bool:
        """Whether it says, in a compacted topic, that its key is gone: it has no value."""
        return self.key is not None and not self.value

    @property
    def place(self) -> str:
        """Where it stands in its topic, as the kit's consumers name it too: ``ms-seq``, or ``partition:offset``.

        In a log that took the place of another (see `ingest.sources.kafka_tails`) with its number.
        """
        major, minor = self.position
        if self.partition is None:
            return f"{major}-{minor}"
        return f"{self.partition}:{minor}" + (f"~{major}" if major > 1 else "")


class Flag:
    """Bits of `Record.flags`. The low four bits are the format code (see `ingest.envelopes`)."""

    FORMAT_MASK = 0x0F
    TRUNCATED = 0x10
    REDACTED = 0x20
    ENCRYPTED = 0x40
    TIME_GUESSED = 0x80


class Record(msgspec.Struct, gc=False):
    """One event as stored: ids for searching, series for counting, bytes for showing.

    Times are milliseconds since 1970 UTC. ``occurred_ms`` is the envelope's own timestamp, None when
    it has none that can be believed. ``body`` is what arrived, byte for byte, unless `Flag.TRUNCATED`
    or `Flag.REDACTED` is set; ``size`` is the original length in bytes. ``headers`` is b"" or a
    MessagePack list of [name, value] byte pairs (the broker key travels as header ``:key``).
    ``keys`` holds further values to search by (indexed payload paths, ids inside receipts).
    ``detail`` is the decoded payload of a system event (`ingest.system`), else None.
    """

    position: Position
    appended_ms: int
    event_id: str
    event_type: str
    source: str
    body: bytes
    size: int
    occurred_ms: int | None = None
    correlation_id: str = ""
    causation_id: str = ""
    trace_id: str = ""
    headers: bytes = b""
    keys: tuple[str, ...] = ()
    flags: int = 0
    detail: object | None = None


class Quarantined(NamedTuple):
    """A message that no decoder could make an event of, with the reason in words."""

    position: Position
    appended_ms: int
    reason: str
    body: bytes
    headers: bytes
    size: int


class Slice(NamedTuple):
    """Consecutive messages of one stream: ``after`` < every position <= ``until``.

    ``until`` is the checkpoint that storing the slice reaches. ``lost`` is the exact number of
    messages that the broker had discarded before this slice was read (0 mostly).
    """

    stream: StreamRef
    after: Position
    until: Position
    records: list[Record]
    quarantined: list[Quarantined]
    lost: int = 0


class Batch(NamedTuple):
    """What one transaction stores: slices of any number of streams, and when it was read (ms)."""

    slices: list[Slice]
    read_ms: int

    def events(self) -> int:
        """Records in the batch, quarantined ones not counted."""
        return sum(len(part.records) for part in self.slices)
