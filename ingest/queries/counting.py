"""Counts of series in a range of time, without latencies: histograms, facets, totals.

Only the counters of a piece are unpacked, and a long range is read in the coarsest buckets that fit it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db.models import Q

from ingest.folds.cells import COUNTERS, open_counters
from ingest.models import MetricPiece
from ingest.options import MetricsRetention
from ingest.queries.coverage import read_coverage, read_streams
from ingest.queries.gather import Places
from ingest.queries.plan import Plan, plan_buckets

__all__ = ["Span", "StepCounts", "count_range", "count_steps", "cover", "observed_from"]

I64 = npt.NDArray[np.int64]
_CHUNK = 500


class Span(NamedTuple):
    """Buckets of ``resolution`` seconds that begin in [from_ms, until_ms)."""

    resolution: int
    from_ms: int
    until_ms: int


class StepCounts(NamedTuple):
    """``counters[step, group, counter]``; a step is ``known`` if all of it was observed."""

    times_ms: list[int]
    step_ms: int
    known: list[bool]
    counters: I64


def count_steps(
    *, since_ms: int, until_ms: int, step: int, group_of: Places, groups: int, now_ms: int
) -> StepCounts:
    """Counts in steps of ``step`` seconds, widened to whole steps; groups as `place_groups` has them."""
    plan = plan_buckets(
        since_ms=since_ms,
        until_ms=until_ms,
        resolution=None,
        step=step,
        now_ms=now_ms,
        retention=settings.INGEST.retention.metrics,
    )
    table = np.zeros((plan.points, groups, COUNTERS), np.int64)
    span = Span(plan.resolution, plan.first_ms, plan.end_ms)
    for bucket_ms, data in _pieces([span]):
        packed = open_counters(data)
        place = group_of[np.minimum(packed.series, group_of.size - 1)]
        groups_of = np.repeat(place, packed.lengths)
        chosen = groups_of >= 0
        at = (bucket_ms - plan.first_ms) // (plan.step * 1000)
        np.add.at(table[at], (groups_of[chosen], packed.codes[chosen]), packed.counts[chosen])
    return StepCounts(plan.times(), plan.step * 1000, _known(plan, until_ms), table)


def count_range(*, since_ms: int, until_ms: int, size: int, now_ms: int) -> I64:
    """Counts of [since, until) by series id (below ``size``) and counter."""
    spans = cover(since_ms, until_ms, now_ms, settings.INGEST.retention.metrics)
    table = np.zeros((size + 1, COUNTERS), np.int64)
    for _, data in _pieces(spans):
        packed = open_counters(data)
        series = np.repeat(np.minimum(packed.series, size), packed.lengths)
        np.add.at(table, (series, packed.codes), packed.counts)
    return table[:size]


def cover(since_ms: int, until_ms: int, now_ms: int, retention: MetricsRetention) -> list[Span]:
    """The fewest whole buckets for [since, until): hours within, minutes and seconds at the edges.

    Where the fine buckets of an edge are deleted already it is widened to what is kept. Pure.
    """
    second = _kept(retention.second, now_ms)
    minute = _kept(retention.minute, now_ms)
    from_ms, to_ms = _floor(since_ms, 1), -_floor(-until_ms, 1)
    if from_ms < second:
        from_ms = _floor(from_ms, 60)
    if to_ms <= second:
        to_ms = -_floor(-to_ms, 60)
    if from_ms < minute:
        from_ms = _floor(from_ms, 3600)
    if to_ms <= minute:
        to_ms = -_floor(-to_ms, 3600)
    return [span for span in _nested(from_ms, to_ms, (3600, 60, 1)) if span.from_ms < span.until_ms]


def observed_from(now_ms: int) -> int:
    """When observing began; ``now_ms`` if it has not."""
    begun = [stream.observed_from_ms for stream in read_streams() if stream.observed_until_ms > 0]
    return min(begun, default=now_ms)


def _nested(from_ms: int, to_ms: int, resolutions: tuple[int, ...]) -> list[Span]:
    """Whole buckets of the first resolution, and what is left on both sides in finer ones."""
    coarse, *finer = resolutions
    first, last = -_floor(-from_ms, coarse), _floor(to_ms, coarse)
    if not finer:
        return [Span(coarse, from_ms, to_ms)]
    if first >= last:
        return _nested(from_ms, to_ms, tuple(finer))
    return [
        *_nested(from_ms, first, tuple(finer)),
        Span(coarse, first, last),
        *_nested(last, to_ms, tuple(finer)),
    ]


def _floor(at_ms: int, resolution: int) -> int:
    return at_ms // (resolution * 1000) * resolution * 1000


def _kept(seconds: float, now_ms: int) -> int:
    """The first moment of which buckets are surely kept."""
    return now_ms - int(seconds * 1000)


def _pieces(spans: list[Span]) -> Iterator[tuple[int, bytes | memoryview]]:
    wanted = Q()
    for span in spans:
        wanted |= Q(
            resolution=span.resolution, bucket_ms__gte=span.from_ms, bucket_ms__lt=span.until_ms
        )
    if spans:
        rows = MetricPiece.objects.filter(wanted).values_list("bucket_ms", "data")
        yield from rows.iterator(chunk_size=_CHUNK)


def _known(plan: Plan, until_ms: int) -> list[bool]:
    coverage = read_coverage(plan.first_ms, plan.end_ms, read_streams())
    return [
        at >= plan.kept_from_ms
        and coverage.seconds(at, min(at + plan.step * 1000, until_ms))
        >= (min(at + plan.step * 1000, until_ms) - at) / 1000
        for at in plan.times()
    ]
