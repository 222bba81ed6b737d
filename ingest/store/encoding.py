"""From the records of a batch to encoded blocks, before any database is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.records import Batch, Record
from ingest.store.base import SeriesCodes
from ingest.store.blocks import (
    MAX_ROWS,
    NEVER,
    Rows,
    encode_rows,
    frame_starts,
    pack_frames,
)
from ingest.store.columns import Ints
from ingest.store.keys import PageData, Run, cut_pages, hash_records
from ingest.store.marks import marks_of
from ingest.system import DeadLettered, Receipts

__all__ = ["EncodedBlock", "encode_batch", "encode_block", "marks_by_row"]

_APPENDED = attrgetter("appended_ms")
_HEADERS = attrgetter("headers")
_BODY = attrgetter("body")
_SIZE = attrgetter("size")
_FLAGS = attrgetter("flags")
_TELLING = (Receipts, DeadLettered)


class EncodedBlock(NamedTuple):
    """All that is written for one block. ``series`` maps a series id to its number of rows."""

    rows: int
    first_ms: int
    last_ms: int
    raw_bytes: int
    columns: bytes
    frames: list[bytes]
    pages: list[PageData]
    keys: int
    series: dict[int, int]

    @property
    def size(self) -> int:
        """Bytes stored."""
        pages = sum(len(page.data) for page in self.pages)
        return len(self.columns) + sum(map(len, self.frames)) + pages


def encode_batch(batch: Batch, series: SeriesCodes) -> Iterator[EncodedBlock]:
    """The batch as blocks: one mostly, more only beyond what a row number can count."""
    records = [record for part in batch.slices for record in part.records]
    if not records:
        return
    rows = _read_columns(batch, records, series)
    order = np.lexsort((rows.minor, rows.major, rows.streams, rows.appended))
    if not bool((order[1:] > order[:-1]).all()):
        rows = rows.take(order)
        records = [records[index] for index in order.tolist()]
    for start in range(0, len(records), MAX_ROWS):
        some = records[start : start + MAX_ROWS]
        texts = [record.headers + record.body for record in some]
        part = Rows(*(column[start : start + MAX_ROWS] for column in rows))
        yield encode_block(part, texts, hash_records(some, marks_by_row(batch, part.streams, some)))


def encode_block(rows: Rows, texts: Sequence[bytes], keys: Run) -> EncodedBlock:
    """Rows in order, each row's headers + body, and its keys, as one block."""
    lengths = rows.lengths
    starts = frame_starts(lengths)
    series, counts = np.unique(rows.series, return_counts=True)
    return EncodedBlock(
        rows=len(texts),
        first_ms=int(rows.appended[0]),
        last_ms=int(rows.appended[-1]),
        raw_bytes=int(lengths.sum()),
        columns=encode_rows(rows, starts),
        frames=pack_frames(starts, texts),
        pages=list(cut_pages(keys)),
        keys=len(keys.hashes),
        series=dict(zip(series.tolist(), counts.tolist(), strict=True)),
    )


def marks_by_row(batch: Batch, streams: Ints, records: Sequence[Record]) -> dict[int, set[int]]:
    """Marks by row, of what tells of handlings; ``streams`` has the stream of each of ``records``."""
    given_up = [part.stream.id for part in batch.slices if part.stream.dead_letters]
    telling = [row for row, record in enumerate(records) if type(record.detail) in _TELLING]
    telling += np.flatnonzero(np.isin(streams, given_up)).tolist() if given_up else []
    dead = frozenset(given_up)
    return {
        row: marks_of(records[row], dead_letter=int(streams[row]) in dead)
        for row in dict.fromkeys(telling)
    }


def _read_columns(batch: Batch, records: list[Record], series: SeriesCodes) -> Rows:
    counts = [len(part.records) for part in batch.slices]
    streams = np.repeat(np.array([part.stream.id for part in batch.slices], np.int64), counts)
    every = len(records)
    places = chain.from_iterable([record.position for record in records])
    positions = np.fromiter(places, np.int64, 2 * every).reshape(-1, 2)
    occurred = [NEVER if record.occurred_ms is None else record.occurred_ms for record in records]
    return Rows(
        series=_series_column(batch, series),
        streams=streams,
        appended=np.fromiter(map(_APPENDED, records), np.int64, every),
        occurred=np.array(occurred, np.int64),
        major=positions[:, 0].copy(),
        minor=positions[:, 1].copy(),
        header_lengths=np.fromiter(map(len, map(_HEADERS, records)), np.int64, every),
        body_lengths=np.fromiter(map(len, map(_BODY, records)), np.int64, every),
        sizes=np.fromiter(map(_SIZE, records), np.int64, every),
        flags=np.fromiter(map(_FLAGS, records), np.int64, every),
    )


def _series_column(batch: Batch, series: SeriesCodes) -> npt.NDArray[np.int64]:
    columns = [np.empty(0, np.int64)]
    for part in batch.slices:
        codes = _Codes(series, part.stream.topic)
        names = [(record.event_type, record.source) for record in part.records]
        columns.append(np.fromiter(map(codes.__getitem__, names), np.int64, len(names)))
    return np.concatenate(columns)


class _Codes(dict[tuple[str, str], int]):
    """Codes of one topic's series by type and source, each asked for once."""

    def __init__(self, series: SeriesCodes, topic: str) -> None:
        super().__init__()
        self._series = series
        self._topic = topic

    def __missing__(self, names: tuple[str, str]) -> int:
        code = self[names] = self._series.code(*names, "", self._topic)
        return code
