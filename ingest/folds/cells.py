"""Sparse vectors of counts: which cells there are, how they are packed, how they are added.

A cell is ``series << 16 | code``. Codes below 2048 are counters (`Counter`), above them every kind of
latency (`KINDS`) has `sketch.BINS` codes, one a bin. A packed vector is one byte of form, then (maybe
under zstd) the series, the number of cells of each, the codes and the counts, each as an array, so
that a reader can skip series without looking at their cells.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import zstandard

from eventscope.errors import EventscopeError
from ingest.sketch import BINS

__all__ = [
    "CODE_BITS",
    "KINDS",
    "NO_CELLS",
    "Cells",
    "CorruptCells",
    "Counter",
    "Packed",
    "add_up",
    "encode_cells",
    "merge_cells",
    "open_cells",
    "sketch_code",
]

U64 = npt.NDArray[np.uint64]

CODE_BITS = 16
CODE_MASK = (1 << CODE_BITS) - 1
KINDS = ("queue", "processing", "critical", "publish_delay")

_RAW, _ZSTD = 0x10, 0x11
_HEAD = struct.Struct("<IIB")
_WIDTHS: dict[int, np.dtype[np.unsignedinteger]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    8: np.dtype("<u8"),
}
_SMALL = 96
_LARGEST = 64 * 1024 * 1024


class CorruptCells(EventscopeError):
    """A metric piece cannot be read; its bytes are damaged or from a newer version."""


class Counter(IntEnum):
    """Codes of the counters."""

    PUBLISHED = 0
    SUCCESS = 1
    RETRY = 2
    FAILED = 3
    DEAD_LETTERED = 4
    SKIPPED = 5
    UNKNOWN = 6


class Cells(NamedTuple):
    """Ascending, distinct cells and how often each was counted."""

    cells: U64
    counts: U64


class Packed(NamedTuple):
    """A vector as it is packed: ``lengths[i]`` of ``codes`` and ``counts`` belong to ``series[i]``."""

    series: npt.NDArray[np.uint32]
    lengths: npt.NDArray[np.uint16]
    codes: npt.NDArray[np.uint16]
    counts: npt.NDArray[np.unsignedinteger]

    def cells(self) -> Cells:
        series = np.repeat(self.series.astype(np.uint64), self.lengths)
        return Cells((series << np.uint64(CODE_BITS)) | self.codes, self.counts.astype(np.uint64))


NO_CELLS = Cells(np.empty(0, np.uint64), np.empty(0, np.uint64))


def sketch_code(kind: str) -> int:
    """The code of bin 0 of a kind of latency."""
    return (KINDS.index(kind) + 1) * BINS


def add_up(cells: U64, counts: U64) -> Cells:
    """Cells in any order, with repetitions, as a vector."""
    if not cells.size:
        return NO_CELLS
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return Cells(ordered[starts], np.add.reduceat(counts[order], starts))


def merge_cells(vectors: Sequence[Cells]) -> Cells:
    """The sum of vectors."""
    if not vectors:
        return NO_CELLS
    return add_up(
        np.concatenate([vector.cells for vector in vectors]),
        np.concatenate([vector.counts for vector in vectors]),
    )


def encode_cells(vector: Cells) -> bytes:
    series_of = (vector.cells >> np.uint64(CODE_BITS)).astype(np.uint32)
    series, lengths = np.unique(series_of, return_counts=True)
    width = _width(int(vector.counts.max())) if vector.counts.size else 1
    body = b"".join(
        (
            _HEAD.pack(series.size, vector.cells.size, width),
            series.astype("<u4").tobytes(),
            lengths.astype("<u2").tobytes(),
            (vector.cells & np.uint64(CODE_MASK)).astype("<u2").tobytes(),
            vector.counts.astype(_WIDTHS[width]).tobytes(),
        )
    )
    if len(body) > _SMALL:
        packed = zstandard.ZstdCompressor(level=3).compress(body)
        if len(packed) < len(body):
            return bytes((_ZSTD,)) + packed
    return bytes((_RAW,)) + body


def open_cells(blob: bytes | memoryview) -> Packed:
    """The vector packed in ``blob``. Raises `CorruptCells`."""
    body = _body(bytes(blob))
    try:
        groups, total, width = _HEAD.unpack_from(body)
        kind = _WIDTHS[width]
    except (struct.error, KeyError) as error:
        raise CorruptCells from error
    sizes = (4 * groups, 2 * groups, 2 * total, width * total)
    if len(body) != _HEAD.size + sum(sizes):
        raise CorruptCells(f"A metric piece of {len(body)} bytes should have {sum(sizes)}.")
    places = np.cumsum((_HEAD.size, *sizes)).tolist()
    packed = Packed(
        np.frombuffer(body, np.dtype("<u4"), groups, places[0]),
        np.frombuffer(body, np.dtype("<u2"), groups, places[1]),
        np.frombuffer(body, np.dtype("<u2"), total, places[2]),
        np.frombuffer(body, kind, total, places[3]),
    )
    if int(packed.lengths.sum(dtype=np.int64)) != total:
        raise CorruptCells("A metric piece's series and cells do not agree; its bytes are damaged.")
    return packed


def _body(blob: bytes) -> bytes:
    if blob[:1] == bytes((_RAW,)):
        return blob[1:]
    if blob[:1] != bytes((_ZSTD,)):
        raise CorruptCells
    try:
        if zstandard.frame_content_size(blob[1:]) > _LARGEST:
            raise CorruptCells("A metric piece claims to be larger than any can be.")
        return zstandard.ZstdDecompressor().decompress(blob[1:])
    except zstandard.ZstdError as error:
        raise CorruptCells from error


def _width(largest: int) -> int:
    return next(width for width in _WIDTHS if largest < 1 << (8 * width))
