"""Learning what payloads look like, from samples, within the batch's transaction.

A batch adds one piece with the shapes of its samples; a step of maintenance sums pieces up into a row a
type and version. So workers never wait for each other, and a repeated batch counts once.

What is looked at of a batch: the newest event of each type, some spread evenly over it, and the first of
every type that this worker has not seen often yet.
"""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import structlog
from django.db import transaction

from eventscope.errors import EventscopeError
from eventscope.reading import text_of
from ingest.envelopes import configured_decoder, native
from ingest.folds.rows import evict_oldest
from ingest.folds.text import bounded
from ingest.models import CatalogPiece, EventSchema
from ingest.records import Batch, Flag, Message, Record
from ingest.shapes import Shape, learn, merge_shapes
from ingest.system import DETAILS

__all__ = [
    "CorruptShape",
    "Kind",
    "Sampler",
    "merge_pieces",
    "open_piece",
    "open_shape",
    "record_shapes",
]

log = structlog.get_logger(__name__)

EVENTS = "events"
FIRST = 20
SPREAD = 4
"""Of each stream in a batch, beyond the newest of each type."""
MOST_TYPES = 100
"""Types of one batch of which an event is looked at, beyond those spread over it."""
MOST_KNOWN = 5_000
MOST_BYTES = 64 * 1024
"""Larger events are looked at only while little is known of their type."""
LARGEST = 1024 * 1024
MANY = 48
AT_ONCE = 64
QUIET_MS = 15_000

_TYPE = attrgetter("event_type")
_headers = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]])
_ODD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class CorruptShape(EventscopeError):
    """A schema of the catalog cannot be read; it is damaged."""


class Kind(NamedTuple):
    """A type and version of events."""

    type: str
    version: str


class _Entry(msgspec.Struct, array_like=True, gc=False):
    type: str
    version: str
    shape: Shape


class _Envelope(msgspec.Struct, gc=False):
    payload: Any = None
    metadata: Any = None


_envelope = msgspec.json.Decoder(_Envelope)
_entries = msgspec.msgpack.Decoder(list[_Entry])
_shape = msgspec.msgpack.Decoder(Shape)


class Sampler:
    """Chooses what to look at; it remembers which types it has seen often enough."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._kinds: set[Kind] = set()

    def forget(self) -> None:
        """As if nothing had been seen yet: another database has taken the place of the one before."""
        self._seen.clear()
        self._kinds.clear()

    def choose(self, records: Sequence[Record]) -> list[Record]:
        newest = dict(zip(map(_TYPE, records), records, strict=True))
        step = max(1, len(records) // SPREAD)
        chosen = [*list(newest.values())[:MOST_TYPES], *records[len(records) % step :: step]]
        new = {name for name in newest if self._seen[name] < FIRST}
        if new and len(self._seen) < MOST_KNOWN:
            chosen += self._first(records, new)
        return [one for one in {id(one): one for one in chosen}.values() if self._worth(one)]

    def _first(self, records: Sequence[Record], new: set[str]) -> Iterator[Record]:
        """The first of each new type; the counts go on until there are enough."""
        for record in records:
            name = record.event_type
            if name in new:
                self._seen[name] += 1
                yield record
                if self._seen[name] >= FIRST:
                    new.discard(name)
                    if not new:
                        return

    def note(self, kind: Kind) -> None:
        """Told of each sample: a new version of a known type is looked at as closely as a new type."""
        if kind not in self._kinds and len(self._kinds) < MOST_KNOWN:
            self._kinds.add(kind)
            self._seen[kind.type] = 0

    def _worth(self, record: Record) -> bool:
        few = self._seen[record.event_type] < FIRST
        return (
            len(record.body) <= (LARGEST if few else MOST_BYTES)
            and not record.flags & Flag.TRUNCATED
            and record.event_type not in DETAILS
        )


sampler = Sampler()
"""The one of this process."""


def record_shapes(batch: Batch) -> None:
    """Write what the samples of ``batch`` look like, in the caller's transaction: one row."""
    found: dict[Kind, list[Shape]] = {}
    for part in batch.slices:
        if part.records and not part.stream.dead_letters:
            for record in sampler.choose(part.records):
                looked = _look(record, part.stream.topic)
                if looked is not None:
                    sampler.note(looked[0])
                    found.setdefault(looked[0], []).append(looked[1])
    if found:
        CatalogPiece.objects.create(at_ms=batch.read_ms, data=_packed(found))


def merge_pieces(*, now_ms: int | None = None) -> bool:
    """Sum some pieces up into rows, if there are many or they have waited; True if more waits."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    with transaction.atomic(using=EVENTS):
        rows = CatalogPiece.objects.select_for_update().order_by("id")
        pieces = list(rows.values_list("id", "at_ms", "data")[:AT_ONCE])
        waited = pieces and now_ms - pieces[0][1] > QUIET_MS
        if not waited and len(pieces) < MANY:
            return False
        _add_up(bytes(data) for _, _, data in pieces)
        CatalogPiece.objects.filter(id__in=[number for number, _, _ in pieces]).delete()
    return len(pieces) == AT_ONCE


def open_piece(data: bytes) -> dict[Kind, Shape]:
    """The shapes of one piece; none of one that is damaged, which is told in the log."""
    try:
        entries = _entries.decode(zlib.decompress(data))
    except (zlib.error, msgspec.MsgspecError) as error:
        log.error(
            "a piece of the catalog is damaged", action="folds.corrupt_catalog", error=str(error)
        )
        return {}
    return {Kind(entry.type, entry.version): entry.shape for entry in entries}


def open_shape(data: bytes) -> Shape:
    """The shape of a row. Raises `CorruptShape` if it is damaged."""
    try:
        return _shape.decode(zlib.decompress(data))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise CorruptShape from error


def _look(record: Record, topic: str) -> tuple[Kind, Shape] | None:
    """What one event tells; None of one that is no JSON."""
    try:
        version, payload = _plain(record) if _is_plain(record) else _any_format(record, topic)
    except _ODD:
        return None
    shape = learn(payload, at_ms=record.appended_ms, size=record.size)
    return Kind(record.event_type, bounded(version, 64)), shape


def _is_plain(record: Record) -> bool:
    return record.flags & Flag.FORMAT_MASK == native.FORMAT


def _plain(record: Record) -> tuple[str, Any]:
    """Of a native envelope, some ten times as quick as looking for its format again."""
    envelope = _envelope.decode(record.body)
    metadata = envelope.metadata
    version = metadata.get("version") if isinstance(metadata, dict) else None
    return text_of(version), envelope.payload


def _any_format(record: Record, topic: str) -> tuple[str, Any]:
    pairs = _headers.decode(record.headers) if record.headers else []
    message = Message(record.position, record.appended_ms, None, record.body, tuple(pairs))
    told = configured_decoder().payload_of(message, topic)
    return told.version, msgspec.json.decode(told.raw)


def _packed(found: dict[Kind, list[Shape]]) -> bytes:
    entries = [
        _Entry(*kind, shape)
        for kind, shapes in found.items()
        if (shape := merge_shapes(shapes)) is not None
    ]
    return _pack(entries)


def _add_up(pieces: Iterable[bytes]) -> None:
    added: dict[Kind, list[Shape]] = {}
    for data in pieces:
        for kind, shape in open_piece(data).items():
            added.setdefault(kind, []).append(shape)
    known = {
        Kind(row.type, row.version): open_shape(bytes(row.data))
        for row in EventSchema.objects.filter(type__in={kind.type for kind in added})
    }
    totals = {
        kind: merge_shapes([known[kind], *shapes] if kind in known else shapes)
        for kind, shapes in added.items()
    }
    EventSchema.objects.bulk_create(
        [_row(kind, shape) for kind, shape in totals.items() if shape is not None],
        update_conflicts=True,
        unique_fields=["type", "version"],
        update_fields=["samples", "first_ms", "seen_ms", "data"],
    )
    evict_oldest(EventSchema)


def _row(kind: Kind, shape: Shape) -> EventSchema:
    return EventSchema(
        type=kind.type,
        version=kind.version,
        samples=shape.samples,
        first_ms=shape.first_ms,
        seen_ms=shape.last_ms,
        data=_pack(shape),
    )


def _pack(value: object) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(value), 1)
