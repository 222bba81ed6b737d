"""Metrics as read: counts a step and latencies as sketches, from which any quantile is taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest import sketch

__all__ = ["FIELDS", "MetricGroup", "MetricTable", "Sketches"]

I64 = npt.NDArray[np.int64]

FIELDS = ("published", "processed", "success", "failed", "retried", "dead_lettered", "skipped")


class Sketches(NamedTuple):
    """Latencies of one kind: ``counts[i]`` times bin ``bins[i]`` in step ``steps[i]``; ascending."""

    steps: npt.NDArray[np.int32]
    bins: npt.NDArray[np.uint16]
    counts: I64


NO_SKETCH = Sketches(np.empty(0, np.int32), np.empty(0, np.uint16), np.empty(0, np.int64))


@dataclass
class MetricGroup:
    """One line of a chart: arrays aligned with the table's times.

    ``processed`` is what was finished: success, failed and dead-lettered. Retries and skipped events
    are counted apart. Where ``MetricTable.known`` is False the numbers mean nothing.
    """

    name: str
    published: I64
    success: I64
    failed: I64
    retried: I64
    dead_lettered: I64
    skipped: I64
    seconds: npt.NDArray[np.float64]
    sketches: dict[str, Sketches] = field(default_factory=dict)

    @property
    def processed(self) -> I64:
        return self.success + self.failed + self.dead_lettered

    def rate(self, name: str) -> list[float | None]:
        """A field per observed second; None where it is not known."""
        counts = self._counts(name).tolist()
        return [
            count / seconds if seconds > 0 else None
            for count, seconds in zip(counts, self.seconds.tolist(), strict=True)
        ]

    def quantiles(self, kind: str, q: float) -> list[float | None]:
        """The ``q`` quantile (ms) of a kind of latency in each step; None without any or not known."""
        found: list[float | None] = [None] * len(self.published)
        told = self.sketches.get(kind, NO_SKETCH)
        if not told.counts.size:
            return found
        changes = np.flatnonzero(told.steps[1:] != told.steps[:-1]) + 1
        starts = np.concatenate(([0], changes))
        steps, running = told.steps[starts], np.cumsum(told.counts)
        before = np.concatenate(([0], running[starts[1:] - 1]))
        totals = np.concatenate((running[starts[1:] - 1], running[-1:])) - before
        ranks = np.maximum(1, np.ceil(q * totals - 1e-9).astype(np.int64))
        values = sketch.value_of(told.bins[np.searchsorted(running, before + ranks)])
        for step, value in zip(steps.tolist(), values.tolist(), strict=True):
            if self.seconds[step] > 0:
                found[step] = value
        return found

    def error_rate(self) -> list[float | None]:
        """(failed + dead-lettered) / finished in each step; None where nothing finished or unknown."""
        errors = (self.failed + self.dead_lettered).tolist()
        finished = self.processed.tolist()
        return [
            wrong / all_ if all_ and seconds > 0 else None
            for wrong, all_, seconds in zip(errors, finished, self.seconds.tolist(), strict=True)
        ]

    def total(self, name: str) -> int:
        """The sum of a field over the range: all that is stored, in steps not known too."""
        return int(self._counts(name).sum())

    def total_rate(self, name: str) -> float | None:
        """A field per observed second of the range; counts of unknown steps are left out."""
        seconds = float(self.seconds.sum())
        known = self._counts(name)[self.seconds > 0]
        return int(known.sum()) / seconds if seconds > 0 else None

    def total_quantile(self, kind: str, q: float) -> float | None:
        told = self.sketches.get(kind, NO_SKETCH)
        if not told.counts.size:
            return None
        counts = np.bincount(told.bins, weights=told.counts)
        return sketch.quantile(np.arange(counts.size), counts, q)

    def total_error_rate(self) -> float | None:
        finished = self.total("processed")
        wrong = self.total("failed") + self.total("dead_lettered")
        return wrong / finished if finished else None

    def _counts(self, name: str) -> I64:
        if name not in FIELDS:
            raise KeyError(name)
        counts: I64 = getattr(self, name)
        return counts


@dataclass
class MetricTable:
    """What was asked: steps, whether each is known, and the groups, largest first.

    ``seconds`` is how much of each step is observed; the newest known step may be partly so.
    ``other`` is the last group if there were more than asked. ``overflowed`` tells that there are more
    series than are counted apart.
    """

    times_ms: list[int]
    step_ms: int
    resolution: int
    known: list[bool]
    seconds: list[float]
    groups: list[MetricGroup]
    overflowed: bool = False

    @property
    def whole(self) -> MetricGroup:
        """The only group, when nothing was grouped by."""
        return self.groups[0]
