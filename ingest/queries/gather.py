"""Summing metric pieces into groups and steps, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.folds.cells import (
    COUNTERS,
    KINDS,
    Counter,
    Packed,
    add_up,
    open_counters,
    open_series,
    open_summed,
)
from ingest.queries.plan import Plan
from ingest.queries.table import MetricGroup, Sketches
from ingest.sketch import BINS

__all__ = ["Pieces", "Places", "gather_groups", "rank_series"]

I64 = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Pieces = Iterable[tuple[int, bytes | memoryview]]
"""(start of the bucket in ms, packed cells), ascending by time."""

_CHUNK_CELLS = 150_000
_KINDS = len(KINDS)


def rank_series(pieces: Pieces, size: int, codes: Sequence[int]) -> I64:
    """How often each series (up to id ``size``) was counted under any of ``codes``."""
    wanted = np.zeros(COUNTERS, np.bool_)
    wanted[list(codes)] = True
    totals = np.zeros(size + 1)
    for _, data in pieces:
        packed = open_counters(data)
        chosen = wanted[packed.codes]
        series = np.repeat(np.minimum(packed.series, size), packed.lengths)[chosen]
        totals += np.bincount(series, weights=packed.counts[chosen], minlength=size + 1)
    return totals.astype(np.int64)


class _Gatherer:
    """Adds sections up a chunk at a time: counters densely, latencies as sparse rows.

    A slot is step × groups + group. Chunks end with a step where that is possible, so that the rows of
    all chunks one after another are in order and distinct.
    """

    def __init__(self, points: int, groups: int) -> None:
        self._groups = groups
        self._counters = np.zeros((points, groups, COUNTERS), np.int64)
        self._rows: dict[tuple[int, int], list[Sketches]] = {}
        self._waiting: list[tuple[I64, npt.NDArray[np.uint16], Packed]] = []
        self._cells = 0
        self._step = -1
        self._ordered = True

    def add(self, step: int, groups: Places | None, sections: Iterable[Packed]) -> None:
        """``groups`` maps series ids to groups (the last entry all others, -1 none); None: all to 0."""
        if self._cells >= _CHUNK_CELLS and step != self._step:
            self.flush()
        elif self._cells >= 8 * _CHUNK_CELLS:
            self.flush()
            self._ordered = False
        self._step = step
        for packed in sections:
            if not packed.codes.size:
                continue
            self._cells += packed.codes.size
            if groups is None:
                slots = np.array([step * self._groups])
                self._waiting.append((slots, np.array([packed.codes.size]), packed))
            else:
                place = groups[np.minimum(packed.series, groups.size - 1)].astype(np.int64)
                slots = np.where(place < 0, -1, place + step * self._groups)
                self._waiting.append((slots, packed.lengths, packed))

    def flush(self) -> None:
        if not self._waiting:
            return
        slots = np.concatenate([slots for slots, _, _ in self._waiting])
        lengths = np.concatenate([lengths for _, lengths, _ in self._waiting])
        codes = np.concatenate([packed.codes for _, _, packed in self._waiting])
        counts = np.concatenate([packed.counts for _, _, packed in self._waiting])
        self._waiting, self._cells = [], 0
        if (slots < 0).any():
            chosen = np.repeat(slots >= 0, lengths)
            codes, counts = codes[chosen], counts[chosen]
            slots, lengths = slots[slots >= 0], lengths[slots >= 0]
        if codes.size:
            self._add_up(slots, lengths, codes, counts)

    def _add_up(
        self,
        slots: I64,
        lengths: npt.NDArray[np.integer],
        codes: npt.NDArray[np.uint16],
        counts: npt.NDArray[np.integer],
    ) -> None:
        """One dense table of this chunk by group, plane, step and column, with used columns only."""
        columns = _used_columns(codes)
        steps_of, groups_of = np.divmod(slots, self._groups)
        first = int(steps_of.min())
        steps, planes = int(steps_of.max()) - first + 1, len(columns.planes)
        begins = (groups_of * planes * steps + steps_of - first) * columns.width
        keys = np.repeat(begins, lengths)
        keys += (columns.plane_of * (steps * columns.width) + columns.place_of)[codes]
        size = self._groups * planes * steps * columns.width
        table = np.bincount(keys, weights=counts, minlength=size)
        self._take_counters(table.reshape(self._groups, planes, steps, -1), first, columns)
        self._take_rows(table, steps, first, columns)

    def _take_counters(self, table: npt.NDArray[Any], first: int, columns: _Columns) -> None:
        if columns.planes[0] == 0:
            told = columns.codes[0]
            counted = table[:, 0, :, : told.size].transpose(1, 0, 2).astype(np.int64)
            self._counters[first : first + table.shape[2], :, told] += counted

    def _take_rows(
        self, table: npt.NDArray[Any], steps: int, first: int, columns: _Columns
    ) -> None:
        """What is not zero of the latencies, by group and kind."""
        found = np.flatnonzero(table)
        counts = table[found].astype(np.int64)
        lines = found // columns.width
        places = found - lines * columns.width
        planes = lines // steps
        at = (lines - planes * steps + first).astype(np.int32)
        count = len(columns.planes)
        ends = np.searchsorted(planes, np.arange(self._groups * count), "right")
        begin = 0
        for plane, end in enumerate(ends.tolist()):
            group, number = divmod(plane, count)
            if begin < end and columns.planes[number]:
                bins = columns.codes[number][places[begin:end]] & (BINS - 1)
                part = Sketches(at[begin:end], bins.astype(np.uint16), counts[begin:end])
                self._rows.setdefault((group, columns.planes[number] - 1), []).append(part)
            begin = end

    def counters(self) -> I64:
        """Counts by step, group and counter."""
        return self._counters

    def sketches(self) -> dict[tuple[int, int], Sketches]:
        """Latencies by (group, kind)."""
        joined = {
            place: Sketches(*(np.concatenate(column) for column in zip(*parts, strict=True)))
            for place, parts in self._rows.items()
        }
        if self._ordered:
            return joined
        return {place: _add_repeated(rows) for place, rows in joined.items()}


class _Columns(NamedTuple):
    """Codes in use, by plane: 0 the counters, then a plane a kind of latency.

    ``codes[n]`` are those of ``planes[n]``; ``plane_of`` and ``place_of`` tell where each code stands.
    """

    planes: list[int]
    codes: list[I64]
    width: int
    plane_of: I64
    place_of: I64


def _used_columns(codes: npt.NDArray[np.uint16]) -> _Columns:
    used = np.flatnonzero(np.bincount(codes))
    planes, starts = np.unique(used // BINS, return_index=True)
    parts = np.split(used, starts[1:])
    plane_of, place_of = np.zeros((2, (_KINDS + 1) * BINS), np.int64)
    for number, part in enumerate(parts):
        plane_of[part] = number
        place_of[part] = np.arange(part.size)
    return _Columns(planes.tolist(), parts, max(part.size for part in parts), plane_of, place_of)


def _add_repeated(rows: Sketches) -> Sketches:
    keys = rows.steps.astype(np.uint64) * np.uint64(BINS) + rows.bins
    cells, counts = add_up(keys, rows.counts.astype(np.uint64))
    steps, bins = np.divmod(cells, np.uint64(BINS))
    return Sketches(steps.astype(np.int32), bins.astype(np.uint16), counts.astype(np.int64))


def _sections(data: bytes | memoryview, together: bool, latencies: bool) -> Iterable[Packed]:
    if not latencies:
        return (open_counters(data),)
    return open_summed(data) if together else open_series(data)


def gather_groups(
    pieces: Pieces,
    plan: Plan,
    *,
    group_of: Places | None,
    names: Sequence[str],
    published: Sequence[int],
    seconds: npt.NDArray[np.float64],
    latencies: bool = True,
) -> list[MetricGroup]:
    """Groups of series: ``group_of[id]`` is the place in ``names``, -1 none; None: all are the first.

    ``published`` are the counters that make up what was published. Without ``latencies`` they are not
    even unpacked.
    """
    gatherer = _Gatherer(plan.points, max(1, len(names)))
    for bucket_ms, data in pieces:
        step = (bucket_ms - plan.first_ms) // (plan.step * 1000)
        gatherer.add(step, group_of, _sections(data, group_of is None, latencies))
    gatherer.flush()
    counters, sketches = gatherer.counters(), gatherer.sketches()
    return [
        MetricGroup(
            name=name,
            published=counters[:, place, list(published)].sum(axis=1),
            success=counters[:, place, Counter.SUCCESS],
            failed=counters[:, place, Counter.FAILED],
            retried=counters[:, place, Counter.RETRY],
            dead_lettered=counters[:, place, Counter.DEAD_LETTERED],
            skipped=counters[:, place, Counter.SKIPPED],
            seconds=seconds,
            sketches={
                kind: sketches[place, number]
                for number, kind in enumerate(KINDS)
                if (place, number) in sketches
            },
        )
        for place, name in enumerate(names)
    ]
