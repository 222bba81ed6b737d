"""The event store over SQLite and PostgreSQL: one code, through Django."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

from ingest.envelopes import decode, searched_values
from ingest.models import Block
from ingest.records import Batch, Message, Record
from ingest.store.base import (
    Cursor,
    EventFilter,
    Found,
    Page,
    Place,
    PurgeReport,
    SeriesCodes,
    StoredEvent,
    Window,
)
from ingest.store.encoding import encode_batch
from ingest.store.finding import find_events
from ingest.store.joining import join_step
from ingest.store.marked import read_places, walk_marked
from ingest.store.merging import clean_step, merge_step
from ingest.store.proof import Decoder
from ingest.store.purging import purge_blocks
from ingest.store.reading import BlockReader, NameCache
from ingest.store.remarking import remark_step
from ingest.store.scanning import scan_events
from ingest.store.snapshot import snapshot
from ingest.store.streams import partition_of
from ingest.store.writing import insert_block

__all__ = ["SqlEventStore", "decode_stored", "read_headers", "to_message"]

_HEADERS = list[tuple[bytes, bytes]]
_kept: ContextVar[BlockReader | None] = ContextVar("kept", default=None)
"""The reader of the reading that goes on."""


class SqlEventStore:
    """`ingest.store.base.EventStore`. Readers may share one; a worker has its own."""

    def __init__(self, *, decode: Decoder | None = None) -> None:
        self._decode = decode or decode_stored
        self._names = NameCache()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What is read inside is one state of the database; blocks and frames are kept for the next step.

        Within another reading this one does nothing. Raises `ReadingTooLong`.
        """
        with snapshot():
            if _kept.get() is not None:
                yield
                return
            token = _kept.set(BlockReader(self._names, keep=True))
            try:
                yield
            finally:
                _kept.reset(token)

    def _reader(self) -> BlockReader:
        return _kept.get() or BlockReader(self._names)

    def stage(self, batch: Batch) -> None:
        """Nothing: all is written within the transaction."""

    def append(self, batch: Batch, series: SeriesCodes) -> None:
        """Store the records of ``batch``; the caller's transaction makes it all or nothing."""
        for encoded in encode_batch(batch, series):
            insert_block(encoded)

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
        """Events that carry any of ``values``, oldest first; of ``only_types`` alone, if given, or,
        with ``!`` in front, of all others. With ``before_ms`` newest first, of those appended before;
        with ``from_ms`` of those appended since.

        ``since_ms`` is a hint: runs whose newest event is older are passed over. Of what is asked by type,
        system events, nothing is encrypted that could be searched by.
        """
        with snapshot():
            return find_events(
                values if only_types else searched_values(values),
                limit=limit,
                since_ms=since_ms,
                only_types=only_types,
                before_ms=before_ms,
                from_ms=from_ms,
                most_bytes=most_bytes,
                reader=self._reader(),
                decode=self._decode,
            )

    def scan(
        self,
        where: EventFilter,
        *,
        after: Cursor | None = None,
        limit: int = 100,
        newest_first: bool = True,
    ) -> Page:
        """One page of the events that ``where`` selects, after the place ``after``."""
        with snapshot():
            return scan_events(
                where,
                after=after,
                limit=limit,
                newest_first=newest_first,
                reader=self._reader(),
                decode=self._decode,
            )

    def walk(
        self,
        names: Sequence[str],
        *,
        since_ms: int,
        until_ms: int,
        newest_first: bool,
        few: int,
    ) -> Iterator[Window]:
        """Windows of [since, until) with the messages that any of ``names`` marks in them."""
        return walk_marked(
            names, since_ms=since_ms, until_ms=until_ms, newest_first=newest_first, few=few
        )

    def read(self, places: Sequence[Place]) -> list[StoredEvent]:
        """The events at (block, row) places that a walk by marks found."""
        with snapshot():
            return read_places(places, self._reader())

    def oldest_ms(self) -> int | None:
        """Append time of the oldest event; None while there is none."""
        return Block.objects.order_by("first_ms").values_list("first_ms", flat=True).first()

    def kept_since(self, since_ms: int, *, max_bytes: int) -> int:
        """``since_ms``, or the later moment from which on blocks take no more than ``max_bytes``."""
        left = max_bytes
        newest = Block.objects.filter(last_ms__gte=since_ms).order_by("-last_ms", "-id")
        for last_ms, size in newest.values_list("last_ms", "size").iterator():
            left -= size
            if left < 0:
                return last_ms + 1
        return since_ms

    def maintain(self) -> bool:
        """One bounded step of joining small blocks, merging key runs and marking old blocks; True if more may wait.

        Only the holder of the lease "compaction" should call it.
        """
        return (
            join_step()
            or merge_step()
            or clean_step()
            or remark_step(BlockReader(self._names), self._decode)
        )

    def purge(self, *, before_ms: int) -> PurgeReport:
        """Delete some of the blocks whose newest event is older; all zero when none is left."""
        return purge_blocks(before_ms=before_ms)


def read_headers(event: StoredEvent) -> list[tuple[bytes, bytes]]:
    """Headers as pairs, the broker's key among them as ``:key``."""
    if not event.headers:
        return []
    pairs: list[tuple[bytes, bytes]] = msgspec.msgpack.decode(event.headers, type=_HEADERS)
    return pairs


def to_message(event: StoredEvent) -> Message:
    """The message as the source handed it over."""
    pairs = read_headers(event)
    key = next((value for name, value in pairs if name == b":key"), None)
    headers = tuple(pair for pair in pairs if pair[0] != b":key")
    partition = partition_of(event.stream_id)
    return Message(event.position, event.appended_ms, key, event.body, headers, partition)


def decode_stored(event: StoredEvent) -> Record | None:
    """The record that ``event`` was made from, ids and all; None if its body is beyond decoding."""
    record = decode(to_message(event), event.topic, dead_letters=True)
    return record if isinstance(record, Record) else None
