"""Summing metric pieces into groups and steps, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

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
        """One dense table of this chunk: a line a slot, in it the counters, then the bins in use."""
        bits = int((codes & (BINS - 1)).max()).bit_length()
        width = COUNTERS + (_KINDS << bits)
        first, last = int(slots.min()) // self._groups, int(slots.max()) // self._groups
        keys = np.repeat((slots - first * self._groups) * width, lengths)
        keys += _columns(bits)[codes]
        size = (last - first + 1) * self._groups * width
        table = np.bincount(keys, weights=counts, minlength=size)
        table = table.reshape(last - first + 1, self._groups, width)
        self._counters[first : last + 1] += table[:, :, :COUNTERS].astype(np.int64)
        self._take_rows(table[:, :, COUNTERS:], first, bits)

    def _take_rows(self, table: npt.NDArray[Any], first: int, bits: int) -> None:
        """What is not zero of (step, group, kind and bin), by group and kind."""
        steps = table.shape[0]
        planes = table.reshape(steps, self._groups, _KINDS, 1 << bits).transpose(1, 2, 0, 3)
        flat = planes.reshape(-1)
        found = np.flatnonzero(flat)
        counts = flat[found].astype(np.int64)
        ends = np.searchsorted(found, np.arange(1, self._groups * _KINDS + 1) * (steps << bits))
        bins = (found & ((1 << bits) - 1)).astype(np.uint16)
        at = ((found >> bits) % steps + first).astype(np.int32)
        begin = 0
        for plane, end in enumerate(ends.tolist()):
            if begin < end:
                part = Sketches(at[begin:end], bins[begin:end], counts[begin:end])
                self._rows.setdefault(divmod(plane, _KINDS), []).append(part)
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


def _columns(bits: int) -> I64:
    """Where each code stands in a line: counters first, then 2 ** ``bits`` bins of each kind."""
    columns = np.zeros((_KINDS + 1) * BINS, np.int64)
    columns[:COUNTERS] = np.arange(COUNTERS)
    for kind in range(_KINDS):
        begin = (kind + 1) * BINS
        columns[begin : begin + (1 << bits)] = COUNTERS + (kind << bits) + np.arange(1 << bits)
    return columns


def _add_repeated(rows: Sketches) -> Sketches:
    keys = rows.steps.astype(np.uint64) * np.uint64(BINS) + rows.bins
    cells, counts = add_up(keys, rows.counts.astype(np.uint64))
    steps, bins = np.divmod(cells, np.uint64(BINS))
    return Sketches(steps.astype(np.int32), bins.astype(np.uint16), counts.astype(np.int64))


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
