"""A block: the columns of a batch and its bodies in frames. Pure; nothing here knows a database.

Rows are ordered by (append time, stream, position). Bodies, each with its headers before it, are
packed in frames of some hundred events, so that reading one event decompresses one frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from ingest.store.base import StoreError
from ingest.store.columns import Ints, Packed, pack_ints, unpack_ints
from ingest.store.packing import pack, unpack

__all__ = [
    "FRAME_BYTES",
    "FRAME_ROWS",
    "MAX_ROWS",
    "NEVER",
    "SPAN_WIDTHS_MS",
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
FRAME_ROWS = 512
FRAME_BYTES = 192 * 1024
NEVER = int(np.iinfo(np.int64).min)
"""Stands in ``Rows.occurred`` for an event without a believable time of its own."""

SPAN_WIDTHS_MS = (*(1000 * 16**power for power in range(7)), (1 << 63) - 1)
"""Upper bound of last - first of each class: what tells which blocks can hold a given moment."""

_VERSION = 1


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
    def lengths(self) -> Ints:
        """Bytes of headers and body of each row."""
        return self.header_lengths + self.body_lengths

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
    try:
        head = msgspec.msgpack.decode(blob, type=_Head)
    except msgspec.MsgspecError as error:
        raise StoreError("A block of the event store cannot be read.") from error
    if head.version != _VERSION:
        raise StoreError(f"A block has version {head.version}; this Eventscope reads {_VERSION}.")
    return _read_columns(head), head.frames


def _read_columns(head: _Head) -> Rows:
    payload, offset, columns = memoryview(unpack(head.payload)), 0, []
    for index, column in enumerate(head.columns):
        count = head.rows if index < len(head.columns) - 2 else head.resized
        values, offset = unpack_ints(column, payload, offset, count)
        columns.append(values)
    series, streams, appended, missing, delay, major, minor, headers, bodies, flags = columns[:10]
    # Whatever their number, stream codes fit 16 bits, which numpy sorts by counting.
    order = np.argsort(streams.astype(np.uint16), kind="stable")
    occurred = np.subtract(appended, delay, out=delay)
    if head.columns[3].base or head.columns[3].width:
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
