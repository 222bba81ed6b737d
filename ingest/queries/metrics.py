"""The one door to metrics, for charts, tiles, alerts and API."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from django.conf import settings

from ingest.folds.cells import Counter
from ingest.models import MetricPiece, Series
from ingest.queries.coverage import read_coverage, read_streams
from ingest.queries.gather import Pieces, Places, gather_groups, rank_series
from ingest.queries.grouping import OTHER, SeriesView, place_groups, rank_names, select_series
from ingest.queries.plan import MetricsError, Plan, plan_buckets
from ingest.queries.table import MetricGroup, MetricTable

__all__ = [
    "OTHER",
    "OVERFLOW",
    "MetricGroup",
    "MetricTable",
    "MetricsError",
    "read_metrics",
    "read_series",
]

OVERFLOW = "__overflow__"
_HANDLED = (
    *(Counter.SUCCESS, Counter.RETRY, Counter.FAILED),
    *(Counter.DEAD_LETTERED, Counter.SKIPPED),
)
_COUNTED = ("published", "success", "retried", "failed", "dead_lettered", "skipped")
GROUPINGS = ("", "type", "source", "consumer", "group", "topic")


def read_metrics(
    *,
    since_ms: int,
    until_ms: int,
    resolution: int | None = None,
    step: int | None = None,
    group_by: str = "",
    types: Sequence[str] = (),
    sources: Sequence[str] = (),
    consumers: Sequence[str] = (),
    topics: Sequence[str] = (),
    max_groups: int = 12,
    named: Sequence[str] = (),
    partial: bool = False,
    latencies: bool = True,
    now_ms: int | None = None,
) -> MetricTable:
    """Counts and latencies of [since, until), in steps (seconds), by groups. Raises `MetricsError`.

    Without ``resolution`` and ``step`` they are chosen by the range, for at most some 900 points.
    Names may be globs. System events and copies on dead-letter topics are left out unless ``types``
    or ``topics`` ask for them by name. Published counts know no consumer and handled ones no source:
    filtering or grouping by one leaves out the counts that do not know it; ``group`` is the consumer group.
    ``named`` are the groups to tell apart, in this order, instead of the busiest of the range.
    Without ``latencies`` counts alone are read, which is much less.
    ``partial`` makes the newest, partly observed step known too; see `MetricGroup.rate`.
    """
    if group_by not in GROUPINGS:
        raise MetricsError(f"Cannot group by {group_by!r}; choose one of {GROUPINGS[1:]}.")
    now_ms = int(time.time() * 1000) if now_ms is None else now_ms
    plan = plan_buckets(
        since_ms=since_ms,
        until_ms=until_ms,
        resolution=resolution,
        step=step,
        now_ms=now_ms,
        retention=settings.INGEST.retention.metrics,
    )
    seconds = _observed(plan, partial=partial)
    everything = read_series()
    published: list[int] = [Counter.PUBLISHED, *_apart(types, topics)]
    group_of: Places | None = None
    names, later = [""], False
    if group_by or types or sources or consumers or topics:
        chosen = select_series(
            everything, types=types, sources=sources, consumers=consumers, topics=topics
        )
        every = _names(chosen, group_by)
        later = bool(group_by) and not named and len(every) <= max_groups
        ranked = list(named) or (every if later else _ranked(chosen, group_by, plan, published))
        most = len(ranked) if named else max_groups
        group_of, names = place_groups(chosen, group_by, ranked, most=most, rest=bool(named))
    groups = gather_groups(
        _pieces(plan),
        plan,
        group_of=group_of,
        names=names,
        published=published,
        seconds=seconds,
        latencies=latencies,
    )
    return MetricTable(
        times_ms=plan.times(),
        step_ms=plan.step * 1000,
        resolution=plan.resolution,
        known=(seconds > 0).tolist(),
        seconds=seconds.tolist(),
        groups=_by_size(groups) if later else groups,
        overflowed=any(row.type == OVERFLOW for row in everything),
    )


def _ranked(
    chosen: Sequence[SeriesView], group_by: str, plan: Plan, published: Sequence[int]
) -> list[str]:
    """Names that occur in the range, the busiest first; "" alone when nothing is grouped by."""
    if not group_by:
        return [""]
    size = max((row.id for row in chosen), default=0) + 1
    totals = rank_series(_pieces(plan), size, [*published, *_HANDLED])
    return rank_names(chosen, group_by, totals.tolist())


def _names(chosen: Sequence[SeriesView], group_by: str) -> list[str]:
    """All names of the kind grouped by, whether they occur in the range or not."""
    return sorted({str(getattr(row, group_by)) for row in chosen} - {""}) if group_by else [""]


def _by_size(groups: Sequence[MetricGroup]) -> list[MetricGroup]:
    """Groups that occur in the range, the busiest first: as `rank_names` has them."""
    sizes = {group.name: sum(map(group.total, _COUNTED)) for group in groups}
    told = [group for group in groups if sizes[group.name]]
    return sorted(told, key=lambda group: (-sizes[group.name], group.name))


def _apart(types: Sequence[str], topics: Sequence[str]) -> list[Counter]:
    """System events count as published where types are asked for, copies where topics are."""
    return [Counter.SYSTEM] * bool(types) + [Counter.COPIED] * bool(topics)


def read_series() -> list[SeriesView]:
    """Every series; one query."""
    rows = Series.objects.order_by("id").values_list(*SeriesView._fields)
    return [SeriesView(*row) for row in rows]


def _pieces(plan: Plan) -> Pieces:
    """Pieces of the plan's buckets in order of time, a few hundred in memory at once."""
    return (
        MetricPiece.objects.filter(
            resolution=plan.resolution, bucket_ms__gte=plan.first_ms, bucket_ms__lt=plan.end_ms
        )
        .order_by("bucket_ms")
        .values_list("bucket_ms", "data")
        .iterator(chunk_size=200)
    )


def _observed(plan: Plan, *, partial: bool) -> npt.NDArray[np.float64]:
    coverage = read_coverage(plan.first_ms, plan.end_ms, read_streams())
    step_ms = plan.step * 1000
    seconds = np.array(
        [
            coverage.seconds(at, at + step_ms) if at >= plan.kept_from_ms else 0.0
            for at in plan.times()
        ]
    )
    return seconds if partial else np.where(seconds >= plan.step, seconds, 0.0)
