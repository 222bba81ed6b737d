"""What was counted in one stretch of time, by series: read once, then added up in as many ways as asked.

The stretch is cut into whole hours, whole minutes and the seconds at its ends, so that three days are
some hundred and fifty buckets and not a quarter of a million.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from django.db.models import Q

from ingest.folds.cells import (
    CODE_BITS,
    CODE_MASK,
    COUNTERS,
    KINDS,
    Cells,
    Counter,
    merge_cells,
    open_series,
    sketch_code,
)
from ingest.models import MetricPiece
from ingest.queries.coverage import read_coverage, read_streams
from ingest.queries.grouping import SeriesView
from ingest.queries.metrics import read_series
from ingest.sketch import BINS, bin_of, value_of

__all__ = ["Places", "Stretch", "Sums", "read_sums", "stretches"]

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Places = npt.NDArray[np.int32]
"""By place in `Sums.series`: the group, -1 none."""

_CHUNK = 64


class Stretch(NamedTuple):
    """Buckets of ``resolution`` seconds that began in [since, until) ms."""

    resolution: int
    since_ms: int
    until_ms: int


class Rows(NamedTuple):
    """Latencies of one kind: ``counts`` times the bin, by place in the series."""

    places: I64
    bins: I64
    counts: I64


@dataclass(frozen=True)
class Sums:
    """``counters[place, Counter]`` of each series; ``cells`` hold the latencies. ``seconds`` of the
    stretch are observed; while it is 0 the numbers mean nothing."""

    series: Sequence[SeriesView]
    seconds: float
    counters: I64
    cells: Cells

    def count(self, groups: Places, size: int, *codes: Counter) -> F64:
        """How often any of ``codes`` was counted, by group."""
        chosen = groups >= 0
        wanted = self.counters[chosen][:, list(codes)].sum(axis=1).astype(np.float64)
        return np.bincount(groups[chosen], weights=wanted, minlength=size).astype(np.float64)

    def quantiles(self, groups: Places, size: int, kind: str, q: float) -> F64:
        """The ``q`` quantile (ms) by group; nan where there is none."""
        table = self._table(groups, size, kind)
        running = np.cumsum(table, axis=1)
        totals = running[:, -1]
        ranks = np.maximum(1, np.ceil(q * totals - 1e-9))
        bins = (running >= ranks[:, None]).argmax(axis=1)
        return np.where(totals > 0, value_of(bins), np.nan)

    def slower(self, groups: Places, size: int, kind: str, limit_ms: float) -> tuple[F64, F64]:
        """How many took longer than ``limit_ms`` (to a bin, 2 %), and how many there were, by group."""
        table = self._table(groups, size, kind)
        longer = int(bin_of(limit_ms)) + 1
        return table[:, longer:].sum(axis=1), table.sum(axis=1)

    def _table(self, groups: Places, size: int, kind: str) -> F64:
        rows = self._rows[kind]
        place = groups[rows.places].astype(np.int64)
        chosen = place >= 0
        keys = place[chosen] * BINS + rows.bins[chosen]
        weights = rows.counts[chosen].astype(np.float64)
        counted = np.bincount(keys, weights=weights, minlength=size * BINS).astype(np.float64)
        return counted.reshape(size, BINS)

    @cached_property
    def _rows(self) -> dict[str, Rows]:
        ids = np.array([one.id for one in self.series], np.int64)
        codes = (self.cells.cells & np.uint64(CODE_MASK)).astype(np.int64)
        places = np.searchsorted(ids, (self.cells.cells >> np.uint64(CODE_BITS)).astype(np.int64))
        counts = self.cells.counts.astype(np.int64)
        found = {}
        for kind in KINDS:
            first = sketch_code(kind)
            of_kind = (codes >= first) & (codes < first + BINS)
            found[kind] = Rows(places[of_kind], codes[of_kind] - first, counts[of_kind])
        return found


def read_sums(*, since_ms: int, until_ms: int, finest: int = 1, now_ms: int | None = None) -> Sums:
    """Everything counted in [since, until), both widened to whole buckets of ``finest`` seconds."""
    wide = finest * 1000
    since_ms, until_ms = since_ms // wide * wide, -(-until_ms // wide) * wide
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    series = read_series()
    cells = _read_cells(list(stretches(since_ms, until_ms, finest)))
    coverage = read_coverage(since_ms, until_ms, read_streams())
    return make_sums(series, cells, _observed(coverage.seconds, since_ms, until_ms))


def make_sums(series: Sequence[SeriesView], cells: Cells, seconds: float) -> Sums:
    """Pure. ``series`` are in order of their ids; cells of others are left out."""
    ids = np.array([one.id for one in series], np.int64)
    of = (cells.cells >> np.uint64(CODE_BITS)).astype(np.int64)
    known = np.isin(of, ids)
    cells, of = Cells(cells.cells[known], cells.counts[known]), of[known]
    codes = (cells.cells & np.uint64(CODE_MASK)).astype(np.int64)
    counter = codes < COUNTERS
    counters = np.zeros((len(series), COUNTERS), np.int64)
    counters[np.searchsorted(ids, of[counter]), codes[counter]] = cells.counts[counter]
    return Sums(series, seconds, counters, Cells(cells.cells[~counter], cells.counts[~counter]))


def stretches(since_ms: int, until_ms: int, finest: int) -> Iterator[Stretch]:
    """[since, until) as the coarsest buckets that make it up. Pure."""
    yield from _cut(since_ms, until_ms, [one for one in (3600, 60, 1) if one >= finest])


def _cut(since_ms: int, until_ms: int, resolutions: Sequence[int]) -> Iterator[Stretch]:
    if since_ms >= until_ms:
        return
    coarsest, *finer = resolutions
    wide = coarsest * 1000
    first, last = -(-since_ms // wide) * wide, until_ms // wide * wide
    if not finer:
        yield Stretch(coarsest, since_ms // wide * wide, -(-until_ms // wide) * wide)
    elif first >= last:
        yield from _cut(since_ms, until_ms, finer)
    else:
        yield from _cut(since_ms, first, finer)
        yield Stretch(coarsest, first, last)
        yield from _cut(last, until_ms, finer)


def _read_cells(parts: Sequence[Stretch]) -> Cells:
    """A few pieces in memory at once."""
    where = Q()
    for part in parts:
        where |= Q(
            resolution=part.resolution, bucket_ms__gte=part.since_ms, bucket_ms__lt=part.until_ms
        )
    total, waiting = merge_cells([]), []
    rows = MetricPiece.objects.filter(where) if parts else MetricPiece.objects.none()
    for data in rows.values_list("data", flat=True).iterator(chunk_size=200):
        waiting += [packed.cells() for packed in open_series(data) if packed.codes.size]
        if len(waiting) >= _CHUNK:
            total, waiting = merge_cells([total, *waiting]), []
    return merge_cells([total, *waiting])


def _observed(seconds: Callable[[int, int], float], since_ms: int, until_ms: int) -> float:
    """Second by second for short stretches; a gap takes away its own minute of a long one."""
    step = 1000 if until_ms - since_ms <= 3_600_000 else 60_000
    return sum(seconds(at, min(at + step, until_ms)) for at in range(since_ms, until_ms, step))
