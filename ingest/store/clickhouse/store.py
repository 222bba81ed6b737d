"""`ingest.store.base.EventStore` over ClickHouse."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from ingest.envelopes import searched_values
from ingest.options import StoreOptions
from ingest.records import Batch
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
from ingest.store.clickhouse.engine import Engine
from ingest.store.clickhouse.finding import find_events, seek_marks
from ingest.store.clickhouse.keeping import kept_since, oldest_ms, purge_days
from ingest.store.clickhouse.reading import read_events
from ingest.store.clickhouse.scanning import scan_events
from ingest.store.clickhouse.tables import create_statements, table_names
from ingest.store.clickhouse.writing import StreamNames, write_batch
from ingest.store.marked import walk_marked
from ingest.store.proof import Decoder
from ingest.store.sql import decode_stored

__all__ = ["ClickHouseEventStore"]


class ClickHouseEventStore:
    """Readers may share one; a worker has its own.

    An event may be seen a moment before its checkpoint is moved. It is seen once, however often its batch
    is written, and as it was written last.
    """

    def __init__(
        self, options: StoreOptions, *, reading: float, decode: Decoder | None = None
    ) -> None:
        self.engine = Engine(options, reading=reading)
        self._decode = decode or decode_stored
        self._streams = StreamNames(self.engine)
        self._staged: Batch | None = None
        self._made = bool(options.cluster) or not options.create_tables
        self._making = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Nothing: what is read in several steps may see what came meanwhile."""
        yield

    def stage(self, batch: Batch) -> None:
        """Write ``batch``, before the transaction that moves its checkpoint; not again while that one is tried again."""
        if self._staged is batch:
            return
        engine = self._ready()
        self._streams.check(batch)
        write_batch(engine, batch)
        self._staged = batch

    def append(self, batch: Batch, series: SeriesCodes) -> None:
        """Write ``batch`` unless that is done; its names are learnt for the lists of names."""
        self.stage(batch)
        for part in batch.slices:
            for type, source in {(one.event_type, one.source) for one in part.records}:
                series.code(type, source, "", part.stream.topic)

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
        """As the interface says; ``since_ms`` leaves out all that was appended before it."""
        return find_events(
            self._ready(),
            values if only_types else searched_values(values),
            limit=limit,
            since_ms=since_ms if from_ms is None else max(from_ms, since_ms or from_ms),
            only_types=only_types,
            before_ms=before_ms,
            most_bytes=most_bytes,
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
        return scan_events(
            self._ready(), where, after=after, limit=limit, newest_first=newest_first
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
            names,
            since_ms=since_ms,
            until_ms=until_ms,
            newest_first=newest_first,
            few=few,
            seek=partial(seek_marks, self._ready()),
        )

    def read(self, places: Sequence[Place]) -> list[StoredEvent]:
        """The messages at places that a walk found."""
        return read_events(self._ready(), [(at, stream, minor) for at, stream, minor in places])

    def oldest_ms(self) -> int | None:
        """Append time of the oldest event; None while there is none."""
        return oldest_ms(self._ready())

    def kept_since(self, since_ms: int, *, max_bytes: int) -> int:
        """The moment from which on events are kept when they may take ``max_bytes``."""
        return kept_since(self._ready(), since_ms, max_bytes=max_bytes)

    def maintain(self) -> bool:
        """Nothing: the server merges by itself."""
        return False

    def purge(self, *, before_ms: int) -> PurgeReport:
        """Drop some of the days that ended before ``before_ms``; a day is a block here."""
        return purge_days(self._ready(), before_ms=before_ms)

    def missing_tables(self) -> list[str]:
        """Those that nobody has made yet. Raises `StoreUnavailable` or `StoreError`."""
        rows = self._ready().rows(
            f"SELECT name FROM system.tables WHERE database = '{self.engine.database}'"
        )
        there = {name for (name,) in rows}
        return [name for name in table_names() if name not in there]

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.close()

    def _ready(self) -> Engine:
        """The engine, its tables made."""
        with self._making:
            if not self._made:
                for statement in create_statements(self.engine.database):
                    self.engine.run(statement)
                self._made = True
        return self.engine
