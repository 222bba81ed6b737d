"""Summing metric pieces into groups and steps, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from ingest.folds.cells import KINDS, Counter, Packed, open_cells
from ingest.queries.plan import Plan
from ingest.queries.table import MetricGroup, Sketches
from ingest.sketch import BINS

__all__ = ["Pieces", "gather_groups", "rank_series"]

I64 = npt.NDArray[np.int64]
Pieces = Iterable[tuple[int, bytes | memoryview]]
"""(start of the bucket in ms, packed cells), ascending by time."""

_CHUNK_CELLS = 400_000
_COUNTERS = 8
_PLANES = len(KINDS)


def rank_series(pieces: Pieces, size: int) -> I64:
    """How often each series (up to id ``size``) was published or handled."""
    totals = np.zeros(size + 1, np.int64)
    for _, data in pieces:
        packed = open_cells(data)
        counter = packed.codes < _COUNTERS
        series = np.repeat(np.minimum(packed.series, size), packed.lengths)[counter]
        totals += np.bincount(series, weights=packed.counts[counter], minlength=size + 1).astype(
            np.int64
        )
    return totals


class _Gatherer:
    """Adds pieces up a chunk at a time: counters densely, sketches as sparse rows."""

    def __init__(self, plan: Plan, group_of: npt.NDArray[np.int32], groups: int) -> None:
        self.plan = plan
        self.group_of = group_of
        self.groups = groups
        self.counters = np.zeros(plan.points * groups * _COUNTERS, np.int64)
        self.rows: list[tuple[I64, I64]] = []
        self._waiting: list[tuple[I64, npt.NDArray[np.uint16], npt.NDArray[np.int64]]] = []
        self._cells = 0

    def add(self, step: int, packed: Packed) -> None:
        place = self.group_of[np.minimum(packed.series, self.group_of.size - 1)]
        wanted = place >= 0
        if not wanted.any():
            return
        slot = place.astype(np.int64) + step * self.groups
        slots = np.repeat(slot, packed.lengths)
        codes, counts = packed.codes, packed.counts.astype(np.int64)
        if not wanted.all():
            chosen = np.repeat(wanted, packed.lengths)
            slots, codes, counts = slots[chosen], codes[chosen], counts[chosen]
        self._waiting.append((slots, codes, counts))
        self._cells += codes.size
        if self._cells >= _CHUNK_CELLS:
            self.flush()

    def flush(self) -> None:
        if not self._waiting:
            return
        slots, codes, counts = (
            np.concatenate(column) for column in zip(*self._waiting, strict=True)
        )
        self._waiting, self._cells = [], 0
        low = int(slots.min())
        slots -= low
        counter = codes < BINS
        self._count(slots[counter] * _COUNTERS + codes[counter], counts[counter], low)
        self._draw(slots[~counter], codes[~counter], counts[~counter], low)

    def _count(self, keys: I64, counts: I64, low: int) -> None:
        added = np.bincount(keys, weights=counts).astype(np.int64)
        begin = low * _COUNTERS
        self.counters[begin : begin + added.size] += added

    def _draw(self, slots: I64, codes: npt.NDArray[np.uint16], counts: I64, low: int) -> None:
        """Rows of (slot, kind, bin) with their counts, ascending."""
        if not codes.size:
            return
        bins = (codes % BINS).astype(np.int64)
        width = int(bins.max()) + 1
        kinds = codes // BINS - 1
        keys = (slots * _PLANES + kinds) * width + bins
        summed = np.bincount(keys, weights=counts)
        found = np.flatnonzero(summed)
        plane, bin_ = np.divmod(found, width)
        self.rows.append(((plane + low * _PLANES) * BINS + bin_, summed[found].astype(np.int64)))

    def sketches(self) -> tuple[I64, I64]:
        """All rows: key ((step × groups + group) × kinds + kind) × BINS + bin, and the counts."""
        if not self.rows:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        keys = np.concatenate([keys for keys, _ in self.rows])
        counts = np.concatenate([counts for _, counts in self.rows])
        if (keys[1:] > keys[:-1]).all():
            return keys, counts
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        return keys[starts], np.add.reduceat(counts, starts)


def gather_groups(
    pieces: Pieces,
    plan: Plan,
    *,
    group_of: npt.NDArray[np.int32],
    names: list[str],
    seconds: npt.NDArray[np.float64],
) -> list[MetricGroup]:
    """Groups of series: ``group_of[id]`` is the group's place in ``names``, -1 for none (as the last)."""
    gatherer = _Gatherer(plan, group_of, len(names))
    for bucket_ms, data in pieces:
        gatherer.add((bucket_ms - plan.first_ms) // (plan.step * 1000), open_cells(data))
    gatherer.flush()
    counters = gatherer.counters.reshape(plan.points, len(names), _COUNTERS)
    drawn = dict(_split(*gatherer.sketches(), len(names)))
    return [
        MetricGroup(
            name=name,
            published=counters[:, place, Counter.PUBLISHED],
            success=counters[:, place, Counter.SUCCESS],
            failed=counters[:, place, Counter.FAILED],
            retried=counters[:, place, Counter.RETRY],
            dead_lettered=counters[:, place, Counter.DEAD_LETTERED],
            skipped=counters[:, place, Counter.SKIPPED],
            seconds=seconds,
            sketches={
                kind: drawn[place, number]
                for number, kind in enumerate(KINDS)
                if (place, number) in drawn
            },
        )
        for place, name in enumerate(names)
    ]


def _split(keys: I64, counts: I64, groups: int) -> Iterator[tuple[tuple[int, int], Sketches]]:
    """Rows by (group, kind)."""
    plane, bins = np.divmod(keys, BINS)
    slot, kind = np.divmod(plane, _PLANES)
    step, group = np.divmod(slot, groups)
    which = group * _PLANES + kind
    for number in np.unique(which).tolist():
        chosen = which == number
        yield divmod(number, _PLANES), Sketches(step[chosen], bins[chosen], counts[chosen])
