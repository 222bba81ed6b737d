"""Sparse vectors of counts: which cells there are, how they are packed, how they are added.

A cell is ``series << 16 | code``. Codes below `COUNTERS` are counters (`Counter`); every kind of latency
(`KINDS`) has `sketch.BINS` codes from ``sketch_code(kind)`` on, one a bin.

A packed vector is one byte of form and three sections, each maybe under zstd and read alone: the sum over
all series (empty in a small vector: then it is cheaper to add up), the counters by series, the latencies
by series. A section is its series, the number of cells of each, the codes, the counts, each an array.
"""

from __future__ import annotations

import struct
import threading
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
    "CODE_MASK",
    "COUNTERS",
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
    "open_counters",
    "open_series",
    "open_summed",
    "sketch_code",
]

U64 = npt.NDArray[np.uint64]

CODE_BITS = 16
CODE_MASK = (1 << CODE_BITS) - 1
KINDS = ("queue", "processing", "critical", "publish_delay")

COUNTERS = 16

_FORM = 0x10
_SIZES = struct.Struct("<BIII")
_RAW, _ZSTD = b"\x00", b"\x01"
_HEAD = struct.Struct("<IIB")
_WIDTHS: dict[int, np.dtype[np.unsignedinteger]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    8: np.dtype("<u8"),
}
_SMALL = 96
_SUMMED_FROM = 512
_LARGEST = 64 * 1024 * 1024
_CODES = (len(KINDS) + 1) * BINS


class CorruptCells(EventscopeError):
    """A metric piece cannot be read; its bytes are damaged or from a newer version."""


class Counter(IntEnum):
    """Codes of the counters. A message counts as one of PUBLISHED, SYSTEM (a system event) and COPIED
    (it lies on a dead-letter topic, having been published elsewhere before)."""

    PUBLISHED = 0
    SUCCESS = 1
    RETRY = 2
    FAILED = 3
    DEAD_LETTERED = 4
    SKIPPED = 5
    UNKNOWN = 6
    SYSTEM = 7
    COPIED = 8


class _Local(threading.local):
    """zstandard's objects may not be shared by threads."""

    def __init__(self) -> None:
        self.unpacker = zstandard.ZstdDecompressor()


_local = _Local()


class Cells(NamedTuple):
    """Ascending, distinct cells and how often each was counted."""

    cells: U64
    counts: U64


class Packed(NamedTuple):
    """A section as it is packed: ``lengths[i]`` of ``codes`` and ``counts`` belong to ``series[i]``."""

    series: npt.NDArray[np.uint32]
    lengths: npt.NDArray[np.uint16]
    codes: npt.NDArray[np.uint16]
    counts: npt.NDArray[np.unsignedinteger]

    def cells(self) -> Cells:
        series = np.repeat(self.series.astype(np.uint64), self.lengths)
        return Cells((series << np.uint64(CODE_BITS)) | self.codes, self.counts.astype(np.uint64))


_EMPTY = Packed(
    np.empty(0, np.uint32), np.empty(0, np.uint16), np.empty(0, np.uint16), np.empty(0, np.uint8)
)
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
    codes = vector.cells & np.uint64(CODE_MASK)
    counter = codes < COUNTERS
    summed = add_up(codes, vector.counts) if codes.size >= _SUMMED_FROM else NO_CELLS
    sections = [
        _pack(summed),
        _pack(Cells(vector.cells[counter], vector.counts[counter])),
        _pack(Cells(vector.cells[~counter], vector.counts[~counter])),
    ]
    return b"".join((_SIZES.pack(_FORM, *map(len, sections)), *sections))


def open_cells(blob: bytes | memoryview) -> Cells:
    """The vector packed in ``blob``. Raises `CorruptCells`."""
    _, *sections = _sections(blob)
    return merge_cells([_open(section).cells() for section in sections])


def open_counters(blob: bytes | memoryview) -> Packed:
    """The counters by series. Raises `CorruptCells`."""
    return _open(_sections(blob)[1])


def open_series(blob: bytes | memoryview) -> tuple[Packed, Packed]:
    """The counters and the latencies by series. Raises `CorruptCells`."""
    _, counters, latencies = _sections(blob)
    return _open(counters), _open(latencies)


def open_summed(blob: bytes | memoryview) -> list[Packed]:
    """All series together: the codes of these sections, added up. Raises `CorruptCells`."""
    summed, *others = _sections(blob)
    return [_open(summed)] if summed else [_open(section) for section in others]


def _sections(blob: bytes | memoryview) -> tuple[memoryview, memoryview, memoryview]:
    whole = memoryview(blob)
    if len(whole) < _SIZES.size:
        raise CorruptCells
    form, first, second, third = _SIZES.unpack_from(whole)
    places = [_SIZES.size, _SIZES.size + first, _SIZES.size + first + second]
    if form != _FORM or places[2] + third != len(whole):
        raise CorruptCells
    return whole[places[0] : places[1]], whole[places[1] : places[2]], whole[places[2] :]


def _pack(vector: Cells) -> bytes:
    if not vector.cells.size:
        return b""
    series_of = (vector.cells >> np.uint64(CODE_BITS)).astype(np.uint32)
    series, lengths = np.unique(series_of, return_counts=True)
    width = _width(int(vector.counts.max()))
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
            return _ZSTD + packed
    return _RAW + body


def _open(section: memoryview) -> Packed:
    if not section:
        return _EMPTY
    body = _body(section)
    try:
        groups, total, width = _HEAD.unpack_from(body)
        kind = _WIDTHS[width]
    except (struct.error, KeyError) as error:
        raise CorruptCells from error
    at = _HEAD.size
    ends = (at + 4 * groups, at + 6 * groups, at + 6 * groups + 2 * total)
    if len(body) != ends[2] + width * total:
        raise CorruptCells(f"A metric piece's section has {len(body)} bytes, not what it says.")
    packed = Packed(
        np.frombuffer(body, _WIDTHS[4], groups, at),
        np.frombuffer(body, _WIDTHS[2], groups, ends[0]),
        np.frombuffer(body, _WIDTHS[2], total, ends[1]),
        np.frombuffer(body, kind, total, ends[2]),
    )
    if int(packed.lengths.sum(dtype=np.int64)) != total or (packed.codes >= _CODES).any():
        raise CorruptCells("A metric piece's series and cells do not agree; its bytes are damaged.")
    return packed


def _body(section: memoryview) -> bytes | memoryview:
    if section[:1] == _RAW:
        return section[1:]
    if section[:1] != _ZSTD:
        raise CorruptCells
    try:
        if zstandard.frame_content_size(section[1:]) > _LARGEST:
            raise CorruptCells("A metric piece claims to be larger than any can be.")
        return _local.unpacker.decompress(section[1:])
    except zstandard.ZstdError as error:
        raise CorruptCells from error


def _width(largest: int) -> int:
    return next(width for width in _WIDTHS if largest < 1 << (8 * width))
