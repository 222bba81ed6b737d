"""A block: the columns of a batch and its bodies in frames. Pure; nothing here knows a database.

Rows are ordered by (append time, stream, position). Bodies, each with its headers before it, are
packed in frames of some hundred events, so that reading one event decompresses one frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from ingest.store.base import StoreError
from ingest.store.columns import (
    Ints,
    Packed,
    codes_between,
    pack_ints,
    unpack_ints,
    value_at,
    wrapped,
)
from ingest.store.packing import pack, unpack

__all__ = [
    "FRAME_BYTES",
    "FRAME_ROWS",
    "MAX_ROWS",
    "NEVER",
    "SPAN_WIDTHS_MS",
    "PackedRows",
    "Row",
    "Rows",
    "cut_frame",
    "decode_rows",
    "encode_rows",
    "frame_starts",
    "frame_texts",
    "pack_frames",
    "span_class",
]

MAX_ROWS = 1 << 16
FRAME_ROWS = 256
FRAME_BYTES = 96 * 1024
NEVER = int(np.iinfo(np.int64).min)
"""Stands in ``Rows.occurred`` for an event without a believable time of its own."""

SPAN_WIDTHS_MS = (*(1000 * 16**power for power in range(7)), (1 << 63) - 1)
"""Upper bound of last - first of each class: what tells which blocks can hold a given moment."""

_VERSION = 1
_SERIES, _STREAMS, _APPENDED, _MISSING, _DELAY, _MAJOR, _MINOR = range(7)
_HEADERS, _BODIES, _FLAGS, _RESIZED, _SIZES = range(7, 12)
"""Where each column stands in a block; major and minor are ordered by stream, the last two are of few rows."""
_COLUMNS = 14
"""Of eight bytes, that unpacking may make: all of `Rows`, times and places once more."""


class Row(NamedTuple):
    """One event's place and measures: what the columns tell of it."""

    series: int
    stream: int
    appended: int
    occurred: int
    major: int
    minor: int
    size: int
    flags: int


class Rows(NamedTuple):
    """The columns of a block, in row order; lengths and sizes in bytes, times in ms."""

    series: Ints
    streams: Ints
    appended: Ints
    occurred: Ints
    major: Ints
    minor: Ints
    header_lengths: Ints
    body_lengths: Ints
    sizes: Ints
    flags: Ints

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the columns take."""
        return sum(column.nbytes for column in self)

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(self.series)

    @property
    def lengths(self) -> Ints:
        """Bytes of headers and body of each row."""
        return self.header_lengths + self.body_lengths

    def at(self, rows: Sequence[int]) -> list[Row]:
        """These rows, in the order asked."""
        columns = (
            self.series,
            self.streams,
            self.appended,
            self.occurred,
            self.major,
            self.minor,
            self.sizes,
            self.flags,
        )
        return [
            Row(*values)
            for values in zip(*(column[rows].tolist() for column in columns), strict=True)
        ]

    def lengths_between(self, first: int, end: int) -> tuple[Ints, Ints]:
        """Bytes of headers, and of headers and body, of the rows from ``first`` to before ``end``."""
        headers = self.header_lengths[first:end]
        return headers, headers + self.body_lengths[first:end]

    def take(self, order: npt.NDArray[np.intp]) -> Rows:
        return Rows(*(column[order] for column in self))


class _Head(msgspec.Struct, array_like=True):
    version: int
    rows: int
    frames: list[int]
    series: list[int]
    streams: list[int]
    columns: list[Packed]
    resized: int
    payload: bytes


def span_class(first_ms: int, last_ms: int) -> int:
    """The class (index in `SPAN_WIDTHS_MS`) of a block that reaches from first to last."""
    span = last_ms - first_ms
    return next(index for index, width in enumerate(SPAN_WIDTHS_MS) if span <= width)


def frame_starts(lengths: Ints) -> list[int]:
    """The first row of each frame: at most FRAME_ROWS rows and FRAME_BYTES bytes, but one row at least."""
    ends = np.cumsum(lengths)
    starts, row, count = [], 0, len(lengths)
    while row < count:
        starts.append(row)
        before = int(ends[row - 1]) if row else 0
        fits = int(np.searchsorted(ends, before + FRAME_BYTES, side="right"))
        row = max(row + 1, min(fits, row + FRAME_ROWS))
    return starts


def pack_frames(starts: Sequence[int], texts: Sequence[bytes]) -> list[bytes]:
    """Each frame's rows (headers + body, joined already) compressed."""
    ends = [*starts[1:], len(texts)][: len(starts)]
    return [pack(b"".join(texts[first:end])) for first, end in zip(starts, ends, strict=True)]


def frame_texts(
    data: bytes, lengths: Ints, header_lengths: Ints, wanted: Sequence[int]
) -> list[tuple[bytes, bytes]]:
    """(headers, body) of the ``wanted`` rows, counted from the frame's first; lengths are the frame's."""
    return cut_frame(unpack(data), lengths, header_lengths, wanted)


def cut_frame(
    text: bytes, lengths: Ints, header_lengths: Ints, wanted: Sequence[int]
) -> list[tuple[bytes, bytes]]:
    """As `frame_texts`, of a frame that is unpacked already."""
    ends = np.cumsum(lengths)
    if len(text) != (int(ends[-1]) if len(ends) else 0):
        raise StoreError("A frame of the event store does not have the length its block tells.")
    found = []
    for row in wanted:
        end = int(ends[row])
        start = end - int(lengths[row])
        middle = start + int(header_lengths[row])
        found.append((text[start:middle], text[middle:end]))
    return found


def encode_rows(rows: Rows, frames: Sequence[int]) -> bytes:
    """The block's ``columns`` blob."""
    series, series_codes = np.unique(rows.series, return_inverse=True)
    streams, stream_codes = np.unique(rows.streams, return_inverse=True)
    order = np.argsort(stream_codes, kind="stable")
    missing = rows.occurred == NEVER
    resized = np.flatnonzero(rows.sizes != rows.body_lengths)
    packed = [
        pack_ints(series_codes.astype(np.int64)),
        pack_ints(stream_codes.astype(np.int64)),
        pack_ints(rows.appended, differences=True),
        pack_ints(missing.astype(np.int64)),
        pack_ints(np.where(missing, 0, rows.appended - rows.occurred)),
        pack_ints((rows.major - rows.appended)[order], differences=True),
        pack_ints(rows.minor[order], differences=True),
        pack_ints(rows.header_lengths),
        pack_ints(rows.body_lengths),
        pack_ints(rows.flags),
        pack_ints(resized.astype(np.int64)),
        pack_ints(rows.sizes[resized]),
    ]
    head = _Head(
        _VERSION,
        len(rows.series),
        list(frames),
        series.tolist(),
        streams.tolist(),
        [column for column, _ in packed],
        len(resized),
        pack(b"".join(planes for _, planes in packed)),
    )
    return msgspec.msgpack.encode(head)


def decode_rows(blob: bytes) -> tuple[Rows, list[int]]:
    """The columns and the first row of each frame. Raises `StoreError` for bytes we did not write."""
    packed = PackedRows(blob)
    return packed.whole, packed.frames


class PackedRows:
    """The columns of a block as they are stored: a few rows are read without unpacking all others.

    Raises `StoreError` for bytes we did not write.
    """

    FEW = 8
    """From more rows on it is quicker to unpack them all."""

    def __init__(self, blob: bytes) -> None:
        head = self._head = _read_head(blob)
        self.frames = head.frames
        self.height = head.rows
        self._payload = memoryview(unpack(head.payload))
        self._starts: list[int] = []
        start = 0
        for index, column in enumerate(head.columns):
            self._starts.append(start)
            count = self._length(index)
            start += column.width * (count - 1 if column.differences and count else count)
        if start != len(self._payload):
            raise StoreError("A block of the event store has not the length that it tells.")

    @property
    def nbytes(self) -> int:
        """Bytes of memory that are held at most, when all was unpacked."""
        return len(self._payload) + 8 * _COLUMNS * self.height

    @cached_property
    def whole(self) -> Rows:
        """All rows, unpacked."""
        return _read_columns(self._head, self._payload)

    @cached_property
    def appended(self) -> Ints:
        """When each row was appended (ms)."""
        return self._unpacked(_APPENDED)

    def series_of(self, rows: Ints) -> list[int]:
        """The series of each of ``rows``."""
        known = self._head.series
        return [known[code] for code in self._codes(_SERIES)[rows].tolist()]

    def at(self, rows: Sequence[int]) -> list[Row]:
        """These rows, in the order asked."""
        if self._is_unpacked or len(rows) > self.FEW:
            return self.whole.at(rows)
        return [self._row(row) for row in rows]

    def lengths_between(self, first: int, end: int) -> tuple[Ints, Ints]:
        """As of `Rows`."""
        if self._is_unpacked:
            return self.whole.lengths_between(first, end)
        headers, bodies = (self._values(column, first, end) for column in (_HEADERS, _BODIES))
        return headers, headers + bodies

    @property
    def _is_unpacked(self) -> bool:
        return "whole" in self.__dict__

    def _row(self, row: int) -> Row:
        head, appended = self._head, int(self.appended[row])
        place = self._place(row)
        return Row(
            series=head.series[self._value(_SERIES, row)],
            stream=head.streams[self._value(_STREAMS, row)],
            appended=appended,
            occurred=NEVER
            if self._value(_MISSING, row)
            else wrapped(appended - self._value(_DELAY, row)),
            major=wrapped(int(self._majors[place]) + appended),
            minor=int(self._minors[place]),
            size=self._size(row),
            flags=self._value(_FLAGS, row),
        )

    def _place(self, row: int) -> int:
        """Where ``row`` stands when the rows are ordered by stream."""
        if not self._head.columns[_STREAMS].width:
            return row
        codes = self._codes(_STREAMS)
        own = codes[row]
        return int(np.count_nonzero(codes < own) + np.count_nonzero(codes[:row] == own))

    def _size(self, row: int) -> int:
        resized = self._values(_RESIZED, 0, self._head.resized)
        at = int(np.searchsorted(resized, row))
        if at < len(resized) and resized[at] == row:
            return int(self._values(_SIZES, at, at + 1)[0])
        return self._value(_BODIES, row)

    def _value(self, index: int, row: int) -> int:
        place = self._payload, self._starts[index], self._length(index)
        return value_at(self._head.columns[index], *place, row)

    @cached_property
    def _majors(self) -> Ints:
        return self._unpacked(_MAJOR)

    @cached_property
    def _minors(self) -> Ints:
        return self._unpacked(_MINOR)

    def _unpacked(self, index: int) -> Ints:
        start = self._starts[index]
        return unpack_ints(self._head.columns[index], self._payload, start, self.height)[0]

    def _codes(self, index: int) -> npt.NDArray[Any]:
        return self._between(index, 0, self._length(index))

    def _values(self, index: int, first: int, end: int) -> Ints:
        return self._between(index, first, end).astype(np.int64) + self._head.columns[index].base

    def _between(self, index: int, first: int, end: int) -> npt.NDArray[Any]:
        place = self._payload, self._starts[index], self._length(index)
        return codes_between(self._head.columns[index], *place, first, end)

    def _length(self, index: int) -> int:
        return self._head.resized if index >= _RESIZED else self._head.rows


def _read_head(blob: bytes) -> _Head:
    try:
        head = msgspec.msgpack.decode(blob, type=_Head)
    except msgspec.MsgspecError as error:
        raise StoreError("A block of the event store cannot be read.") from error
    if head.version != _VERSION:
        raise StoreError(f"A block has version {head.version}; this Eventscope reads {_VERSION}.")
    return head


def _read_columns(head: _Head, payload: memoryview) -> Rows:
    offset, columns = 0, []
    for index, column in enumerate(head.columns):
        count = head.rows if index < _RESIZED else head.resized
        values, offset = unpack_ints(column, payload, offset, count)
        columns.append(values)
    series, streams, appended, missing, delay, major, minor, headers, bodies, flags = columns[:10]
    # Whatever their number, stream codes fit 16 bits, which numpy sorts by counting.
    order = np.argsort(streams.astype(np.uint16), kind="stable")
    occurred = np.subtract(appended, delay, out=delay)
    if head.columns[_MISSING].base or head.columns[_MISSING].width:
        occurred[missing.astype(bool)] = NEVER
    sizes = bodies
    if head.resized:
        sizes = bodies.copy()
        sizes[columns[10]] = columns[11]
    return Rows(
        np.array(head.series, dtype=np.int64)[series],
        np.array(head.streams, dtype=np.int64)[streams],
        appended,
        occurred,
        _restore(major, order) + appended,
        _restore(minor, order),
        headers,
        bodies,
        sizes,
        flags,
    )


def _restore(ordered: Ints, order: npt.NDArray[np.intp]) -> Ints:
    if not ordered.any():
        return ordered
    values = np.empty_like(ordered)
    values[order] = ordered
    return values
