"""Key runs: sorted (hash, block, row) cut in pages. Pure; nothing here knows a database.

A run keeps the top 48 bits of a key's 63-bit hash: what is found is verified against the body
anyway, and two bytes a key saved are eight an event. A row number takes 16 bits, so hash and row
of one block's key make one 64-bit number, and sorting those is all there is to making a run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

from ingest.records import Record
from ingest.store.base import StoreError
from ingest.store.columns import join_planes
from ingest.store.packing import pack, unpack

__all__ = [
    "HASH_BITS",
    "PAGE_KEYS",
    "Hashes",
    "Page",
    "PageData",
    "Run",
    "cut_pages",
    "hash_key",
    "hash_marks",
    "hash_records",
    "merge_runs",
    "record_keys",
    "renumber",
]

HASH_BITS = 48
PAGE_KEYS = 1024
PAGE_BYTES = 4000
"""What a database page of 4 KB has room for beside the row's other columns."""

_SAMPLE = 512
_SHIFT = np.uint64(16)
_ROW = np.uint64(0xFFFF)
_DROP = 64 - HASH_BITS

Hashes = npt.NDArray[np.uint64]
Refs = npt.NDArray[np.uint16]


class Run(NamedTuple):
    """Keys in order of (hash, block, row); ``blocks`` are indexes into the run's list of blocks."""

    hashes: Hashes
    blocks: Refs
    rows: Refs

    def part(self, start: int | np.intp, end: int | np.intp) -> Run:
        return Run(self.hashes[start:end], self.blocks[start:end], self.rows[start:end])

    @classmethod
    def joined(cls, parts: Sequence[Run]) -> Run:
        """``parts`` one behind the other, as they come."""
        if not parts:
            return cls(np.zeros(0, np.uint64), np.zeros(0, np.uint16), np.zeros(0, np.uint16))
        hashes, blocks, rows = zip(*parts, strict=True)
        return cls(np.concatenate(hashes), np.concatenate(blocks), np.concatenate(rows))


class PageData(NamedTuple):
    first: int
    last: int
    data: bytes


class _Page(msgspec.Struct, array_like=True, gc=False):
    keys: int
    widths: list[int]
    planes: bytes


def hash_key(value: str) -> int:
    """The 48 bits that a run keeps of the 63-bit hash of ``value``."""
    return xxhash.xxh3_64_intdigest(value.encode("utf-8", "surrogatepass")) >> _DROP


def record_keys(record: Record) -> set[str]:
    """Every value that ``record`` is found by."""
    ids = (record.event_id, record.correlation_id, record.causation_id, record.trace_id)
    return {value for value in (*ids, *record.keys) if value}


def hash_records(records: Sequence[Record], marks: Mapping[int, Collection[int]]) -> Run:
    """The level-0 run of the block whose rows are ``records``; ``marks`` are further hashes of some rows."""
    count = len(records)
    rows = np.arange(count, dtype=np.uint64)
    parts = [
        _ids([record.event_id for record in records], rows),
        _ids([record.correlation_id for record in records], rows),
        _ids([record.causation_id for record in records], rows),
        _ids([record.trace_id for record in records], rows),
    ]
    keys = [record.keys for record in records]
    further = list(chain.from_iterable(keys))
    if further:
        lengths = np.fromiter(map(len, keys), np.intp, count)
        parts.append(_ids(further, np.repeat(rows, lengths)))
    parts.append(_marked(marks))
    return _level_zero(np.concatenate(parts))


def hash_marks(marks: Mapping[int, Collection[int]]) -> Run:
    """The run of one block that holds its marks alone."""
    return _level_zero(_marked(marks))


def _marked(marks: Mapping[int, Collection[int]]) -> Hashes:
    counts = np.fromiter(map(len, marks.values()), np.intp, len(marks))
    rows = np.repeat(np.fromiter(marks, np.uint64, len(marks)), counts)
    hashes = np.fromiter(chain.from_iterable(marks.values()), np.uint64, int(counts.sum()))
    return (hashes << _SHIFT) | rows


def _ids(values: list[str], rows: Hashes) -> Hashes:
    """Hash and row of each value in one number; empty values are left out."""
    if not all(values):
        rows = rows[np.fromiter(map(bool, values), bool, len(values))]
        values = [value for value in values if value]
    try:
        digests = _digests(map(str.encode, values), len(values))
    except UnicodeEncodeError:
        whole = (value.encode("utf-8", "surrogatepass") for value in values)
        digests = _digests(whole, len(values))
    return ((digests >> np.uint64(_DROP)) << _SHIFT) | rows


def _digests(values: Iterable[bytes], count: int) -> Hashes:
    return np.fromiter(map(xxhash.xxh3_64_intdigest, values), np.uint64, count)


def cut_pages(run: Run) -> Iterator[PageData]:
    """The run's pages in order; keys of one hash may reach over several."""
    size = _page_keys(run)
    for start in range(0, len(run.hashes), size):
        yield _encode_page(run.part(start, start + size))


def _page_keys(run: Run) -> int:
    """As many keys as fill a page of the database, by a sample: a little over would take two."""
    if len(run.hashes) <= _SAMPLE:
        return PAGE_KEYS
    taken = len(_encode_page(run.part(0, _SAMPLE)).data)
    return min(PAGE_KEYS, PAGE_BYTES * _SAMPLE // taken)


def _encode_page(run: Run) -> PageData:
    hashes = run.hashes
    steps = np.zeros(len(hashes), dtype="<u8")
    steps[1:] = hashes[1:] - hashes[:-1]
    widths, planes = [], []
    for column in (steps, run.blocks.astype("<u2"), run.rows.astype("<u2")):
        width = (int(column.max()).bit_length() + 7) // 8
        octets = column.view(np.uint8).reshape(len(column), -1)[:, :width]
        widths.append(width)
        planes.append(octets.T.tobytes())
    page = _Page(len(hashes), widths, pack(b"".join(planes)))
    return PageData(int(hashes[0]), int(hashes[-1]), msgspec.msgpack.encode(page))


class Page:
    """A page as read; hashes are decoded at once, what they point to only when asked for.

    Raises `StoreError` for bytes that we did not write.
    """

    def __init__(self, first: int, data: bytes | memoryview) -> None:
        try:
            head = msgspec.msgpack.decode(data, type=_Page)
        except msgspec.MsgspecError as error:
            raise StoreError("A page of keys cannot be read; it is damaged.") from error
        self._keys, self._widths, self._planes = head.keys, head.widths, unpack(head.planes)
        if len(self._planes) != head.keys * sum(head.widths):
            raise StoreError("A page of keys has not the length that it tells.")
        self.hashes: Hashes = self._column(0).cumsum(dtype=np.uint64)
        self.hashes += np.uint64(first)

    def run(self) -> Run:
        """All keys of the page."""
        return Run(self.hashes, self._refs(1), self._refs(2))

    def matching(self, values: Hashes) -> Run:
        """The keys with any of these hashes, which are ascending and distinct."""
        starts = self.hashes.searchsorted(values)
        if not (self.hashes.take(starts, mode="clip") == values).any():
            return Run.joined([])  # of many pages that are looked at few hold anything
        lengths = self.hashes.searchsorted(values, "right") - starts
        shifts = starts - np.cumsum(lengths) + lengths
        places = np.repeat(shifts, lengths) + np.arange(int(lengths.sum()))
        return Run(self.hashes[places], self._refs(1)[places], self._refs(2)[places])

    def _refs(self, number: int) -> Refs:
        return self._column(number).astype(np.uint16, copy=False)

    def _column(self, number: int) -> npt.NDArray[Any]:
        width, start = self._widths[number], self._keys * sum(self._widths[:number])
        if not width:
            return np.zeros(self._keys, np.uint8)
        return join_planes(np.frombuffer(self._planes, np.uint8, width * self._keys, start), width)


def merge_runs(runs: Sequence[Run]) -> Run:
    """One run of all keys. Within a block of a run rows are in order already, and stay so."""
    every = Run.joined(runs)
    order = np.argsort((every.hashes << _SHIFT) | every.blocks, kind="stable")
    return Run(every.hashes[order], every.blocks[order], every.rows[order])


def renumber(parts: Sequence[tuple[Run, int]], order: npt.NDArray[np.intp]) -> Run:
    """The level-0 run of joined blocks: row ``r`` of a part with offset ``o`` was put at place ``p``
    where ``order[p] == o + r``."""
    places = np.empty(len(order), np.uint64)
    places[order] = np.arange(len(order), dtype=np.uint64)
    both = [
        (run.hashes << _SHIFT) | places[run.rows.astype(np.intp) + offset] for run, offset in parts
    ]
    return _level_zero(np.concatenate(both))


def _level_zero(both: Hashes) -> Run:
    """A run of one block from hash and row in one number each."""
    both = np.sort(both)
    if len(both):
        both = both[np.concatenate(([True], both[1:] != both[:-1]))]
    return Run(both >> _SHIFT, np.zeros(len(both), np.uint16), (both & _ROW).astype(np.uint16))
