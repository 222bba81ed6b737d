"""The one door to metrics, for charts, tiles, alerts and API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from django.conf import settings

from ingest.models import MetricPiece, Series
from ingest.queries.coverage import StreamView, read_coverage, read_streams
from ingest.queries.gather import Pieces, gather_groups, rank_series
from ingest.queries.plan import MetricsError, Plan, plan_buckets
from ingest.queries.table import MetricGroup, MetricTable
from ingest.system import DETAILS

__all__ = ["OTHER", "OVERFLOW", "MetricGroup", "MetricTable", "MetricsError", "read_metrics"]

OTHER = "other"
OVERFLOW = "__overflow__"
GROUPINGS = ("", "type", "source", "consumer", "topic")


class SeriesView(NamedTuple):
    """A row of Series; ``consumer`` is "" for publishing, ``source`` "" for handling."""

    id: int
    type: str
    source: str
    consumer: str
    topic: str


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
    now_ms: int | None = None,
) -> MetricTable:
    """Counts and latencies of [since, until), in steps (seconds), by groups. Raises `MetricsError`.

    Without ``resolution`` and ``step`` they are chosen by the range, for at most some 900 points.
    Names may be globs. System events and copies on dead-letter topics are left out unless ``types``
    or ``topics`` ask for them by name. Published counts know no consumer and handled ones no source:
    filtering or grouping by one leaves out the counts that do not know it.
    ``named`` are the groups to tell apart, in this order, instead of the busiest of the range.
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
    streams = read_streams()
    seconds = _observed(plan, streams, partial=partial)
    everything = _read_series()
    chosen = select_series(
        everything,
        types=types,
        sources=sources,
        consumers=consumers,
        topics=topics,
        dead_letter_topics={stream.topic for stream in streams if stream.dead_letters},
    )
    group_of, names = _grouping(chosen, group_by, max_groups, plan, named)
    groups = gather_groups(_pieces(plan), plan, group_of=group_of, names=names, seconds=seconds)
    return MetricTable(
        times_ms=plan.times(),
        step_ms=plan.step * 1000,
        resolution=plan.resolution,
        known=(seconds > 0).tolist(),
        seconds=seconds.tolist(),
        groups=groups,
        overflowed=any(row.type == OVERFLOW for row in everything),
    )


def select_series(
    rows: Iterable[SeriesView],
    *,
    types: Sequence[str] = (),
    sources: Sequence[str] = (),
    consumers: Sequence[str] = (),
    topics: Sequence[str] = (),
    dead_letter_topics: set[str] | frozenset[str] = frozenset(),
) -> list[SeriesView]:
    """The series that the filters of `read_metrics` mean. Pure."""
    by_type, by_topic = _matcher(types), _matcher(topics)
    by_source, by_consumer = _matcher(sources), _matcher(consumers)

    def wanted(row: SeriesView) -> bool:
        if row.consumer:
            named = by_consumer(row.consumer) and bool(consumers or not sources)
        else:
            named = by_source(row.source) and bool(sources or not consumers)
        system = row.type in DETAILS and not types
        copied = row.topic in dead_letter_topics and not row.consumer and not topics
        return named and not system and not copied and by_type(row.type) and by_topic(row.topic)

    return [row for row in rows if wanted(row)]


def _matcher(names: Sequence[str]) -> Callable[[str], bool]:
    if not names:
        return lambda name: True
    exact = frozenset(names)
    globs = [name for name in names if any(sign in name for sign in "*?[")]
    return lambda name: name in exact or any(fnmatchcase(name, glob) for glob in globs)


def _read_series() -> list[SeriesView]:
    rows = Series.objects.order_by("id").values_list("id", "type", "source", "consumer", "topic")
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


def _observed(
    plan: Plan, streams: Sequence[StreamView], *, partial: bool
) -> npt.NDArray[np.float64]:
    coverage = read_coverage(plan.first_ms, plan.end_ms, streams)
    step_ms = plan.step * 1000
    seconds = np.array(
        [
            coverage.seconds(at, at + step_ms) if at >= plan.kept_from_ms else 0.0
            for at in plan.times()
        ]
    )
    return seconds if partial else np.where(seconds >= plan.step, seconds, 0.0)


def _grouping(
    chosen: Sequence[SeriesView],
    group_by: str,
    max_groups: int,
    plan: Plan,
    named_groups: Sequence[str] = (),
) -> tuple[npt.NDArray[np.int32], list[str]]:
    """The group of each series id (the last stands for all unknown ids), and the groups' names."""
    group_of = np.full(max((row.id for row in chosen), default=0) + 2, -1, np.int32)
    if not group_by:
        for row in chosen:
            group_of[row.id] = 0
        return group_of, [""]
    named = {row.id: str(getattr(row, group_by)) for row in chosen}
    named = {id: name for id, name in named.items() if name}
    if named_groups:
        kept = list(named_groups)
        kept += [OTHER] if OTHER not in kept and set(named.values()) - set(kept) else []
    else:
        names = _rank_names(named, group_of.size - 1, plan)
        kept = names[:max_groups] if len(names) <= max_groups else [*names[: max_groups - 1], OTHER]
    places = {name: place for place, name in enumerate(kept)}
    for id, name in named.items():
        group_of[id] = places.get(name, len(kept) - 1)
    return group_of, kept


def _rank_names(named: dict[int, str], size: int, plan: Plan) -> list[str]:
    """Group names that occur in the range, the busiest first."""
    totals = rank_series(_pieces(plan), size)
    sums: dict[str, int] = {}
    for id, name in named.items():
        if totals[id]:
            sums[name] = sums.get(name, 0) + int(totals[id])
    return sorted(sums, key=lambda name: (-sums[name], name))
