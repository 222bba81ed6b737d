"""Summing metric pieces into groups and steps, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ingest.folds.cells import (
    COUNTERS,
    KINDS,
    Counter,
    Packed,
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

_CHUNK_CELLS = 300_000
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
        self._counters = np.zeros((points * groups, COUNTERS), np.int64)
        self._rows: list[tuple[I64, I64]] = []
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
        """One dense table of this chunk: a line a slot, in it the counters, then the bins in use."""
        bins = int((codes & (BINS - 1)).max()) + 1
        width = COUNTERS + _KINDS * bins
        low = int(slots.min())
        columns = _columns(bins)
        keys = np.repeat((slots - low) * width, lengths)
        keys += columns[codes]
        size = (int(slots.max()) - low + 1) * width
        table = np.bincount(keys, weights=counts, minlength=size).reshape(-1, width)
        self._counters[low : low + len(table)] += table[:, :COUNTERS].astype(np.int64)
        latencies = np.ascontiguousarray(table[:, COUNTERS:]).reshape(-1)
        found = np.flatnonzero(latencies)
        planes, bin_ = np.divmod(found, bins)
        rows = (planes + low * _KINDS) * BINS + bin_
        self._rows.append((rows, latencies[found].astype(np.int64)))

    def counters(self) -> npt.NDArray[np.int64]:
        """Counts by step, group and counter."""
        return self._counters.reshape(-1, self._groups, COUNTERS)

    def sketches(self) -> dict[tuple[int, int], Sketches]:
        """Latencies by (group, kind); a row's key is (slot × kinds + kind) × BINS + bin."""
        if not self._rows:
            return {}
        keys = np.concatenate([keys for keys, _ in self._rows])
        counts = np.concatenate([counts for _, counts in self._rows])
        if not self._ordered:
            keys, counts = _add_repeated(keys, counts)
        planes, bins = np.divmod(keys, BINS)
        steps, which = np.divmod(planes, self._groups * _KINDS)
        # A stable sort of 16-bit numbers is a radix sort, and leaves each part in order of time.
        order = np.argsort(which.astype(np.uint16), kind="stable")
        parts, starts = np.unique(which[order], return_index=True)
        ends = [*starts[1:].tolist(), order.size][: parts.size]
        return {
            divmod(part, _KINDS): Sketches(
                *(column[order[begin:end]] for column in (steps, bins, counts))
            )
            for part, begin, end in zip(parts.tolist(), starts, ends, strict=True)
        }


def _columns(bins: int) -> I64:
    """Where each code stands in a line: counters first, then ``bins`` bins of each kind."""
    columns = np.zeros((_KINDS + 1) * BINS, np.int64)
    columns[:COUNTERS] = np.arange(COUNTERS)
    for kind in range(_KINDS):
        begin = (kind + 1) * BINS
        columns[begin : begin + bins] = COUNTERS + kind * bins + np.arange(bins)
    return columns


def _add_repeated(keys: I64, counts: I64) -> tuple[I64, I64]:
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    return keys[starts], np.add.reduceat(counts, starts)


def gather_groups(
    pieces: Pieces,
    plan: Plan,
    *,
    group_of: Places | None,
    names: Sequence[str],
    published: Sequence[int],
    seconds: npt.NDArray[np.float64],
) -> list[MetricGroup]:
    """Groups of series: ``group_of[id]`` is the place in ``names``, -1 none; None: all are the first.

    ``published`` are the counters that make up what was published.
    """
    gatherer = _Gatherer(plan.points, max(1, len(names)))
    for bucket_ms, data in pieces:
        step = (bucket_ms - plan.first_ms) // (plan.step * 1000)
        sections = open_summed(data) if group_of is None else open_series(data)
        gatherer.add(step, group_of, sections)
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
