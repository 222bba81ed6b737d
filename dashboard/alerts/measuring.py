"""From sums of metrics to what rules judge: grouped, scoped, bounded. Pure.

Every question is answered from the same sums, and rules that ask the same share the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from dashboard.alerts.readings import F64, Readings
from dashboard.measures import ALL, MEASURES, QUANTILES
from ingest.folds.cells import Counter
from ingest.queries.grouping import SeriesView, select_series
from ingest.queries.metrics import OVERFLOW
from ingest.queries.sums import Places, Sums
from ingest.system import SYSTEM_TYPES

__all__ = ["HANDLED", "Scope", "group_series", "measure_handled", "measure_published"]

Scope = tuple[tuple[str, tuple[str, ...]], ...]
LEAST_FAILED = 5
"""Fewer failures tell of an accident, not of a rate: one in 150 is above 0.1% too."""
SKEW_QUANTILE = 0.05
FINISHED = (Counter.SUCCESS, Counter.FAILED, Counter.DEAD_LETTERED)
FAILED = (Counter.FAILED, Counter.DEAD_LETTERED)
HANDLED = frozenset(name for name, one in MEASURES.items() if one.by[:1] == ("consumer",)) - {
    "dead_letters",
    "dead_letters_open",
}
KINDS = {"latency": "processing", "queue": "queue", "critical": "critical"}


class Groups(NamedTuple):
    """The members' names, and which of them each series belongs to."""

    names: tuple[str, ...]
    places: Places


def group_series(
    series: tuple[SeriesView, ...] | list[SeriesView],
    *,
    by: str,
    scope: Scope,
    whole: str,
    wanted: Callable[[SeriesView], bool],
) -> Groups:
    """The series that are ``wanted`` and in ``scope``, by name; ``whole`` names the one group of all."""
    globs = {f"{name}s": patterns for name, patterns in scope}
    chosen = {row.id for row in select_series(series, **globs) if wanted(row)}
    told = [_name(row, by, whole) if row.id in chosen else "" for row in series]
    names = tuple(sorted(set(told) - {"", OVERFLOW})) or ((whole,) if by == ALL else ())
    places = {name: place for place, name in enumerate(names)}
    return Groups(names, np.array([places.get(name, -1) for name in told], np.int32))


def _name(row: SeriesView, by: str, whole: str) -> str:
    return whole if by == ALL else str(getattr(row, by))


def measure_handled(metric: str, by: str, scope: Scope, sums: Sums, *, known: bool) -> Readings:
    """Rates, retries and latencies of what was handled, by consumer, type, topic or all together."""
    groups = group_series(
        sums.series,
        by=by,
        scope=scope,
        whole="all handlings",
        wanted=lambda row: bool(row.consumer),
    )
    size = len(groups.names)
    finished = sums.count(groups.places, size, *FINISHED)
    values, volumes = _handled(metric, groups, sums, finished)

    def detail(place: int) -> str:
        return f"{int(finished[place]):,} handled"

    return _readings(metric, by, scope, groups.names, values, volumes, detail, known=known)


def _handled(metric: str, groups: Groups, sums: Sums, finished: F64) -> tuple[F64, F64]:
    size = len(groups.names)
    if metric == "retries":
        return sums.count(groups.places, size, Counter.RETRY), finished
    if metric == "error_rate":
        failed = sums.count(groups.places, size, *FAILED)
        rate = np.divide(failed, finished, out=np.zeros(size), where=finished > 0)
        return rate, np.where(failed >= LEAST_FAILED, finished, 0)
    kind, _, name = metric.partition("_")
    values = sums.quantiles(groups.places, size, KINDS[kind], QUANTILES[name])
    return np.nan_to_num(values), np.where(np.isnan(values) | (values == 0), 0, finished)


def measure_published(
    metric: str,
    by: str,
    scope: Scope,
    sums: Sums,
    *,
    known: bool,
    copies: frozenset[str] = frozenset(),
) -> Readings:
    """Throughput, or how late a source's clock is. ``copies`` are dead-letter topics: what lies there was
    published elsewhere."""
    groups = group_series(
        sums.series,
        by=by,
        scope=scope,
        whole="all events",
        wanted=lambda row: _is_published(row, copies),
    )
    size = len(groups.names)
    published = sums.count(groups.places, size, Counter.PUBLISHED)
    if metric == "throughput":
        values, told = published / (sums.seconds or np.nan), known and sums.seconds > 0
    else:
        late = sums.quantiles(groups.places, size, "publish_delay", SKEW_QUANTILE)
        values, told = np.nan_to_num(late), known

    def detail(place: int) -> str:
        return f"{int(published[place]):,} published" if metric != "throughput" else ""

    volumes = published if metric != "throughput" else np.full(size, np.inf)
    return _readings(metric, by, scope, groups.names, values, volumes, detail, known=told)


def _is_published(row: SeriesView, copies: frozenset[str]) -> bool:
    return not row.consumer and row.type not in SYSTEM_TYPES and row.topic not in copies


def _readings(
    metric: str,
    by: str,
    scope: Scope,
    names: tuple[str, ...],
    values: F64,
    volumes: F64,
    detail: Callable[[int], str],
    *,
    known: bool,
) -> Readings:
    places = {name: place for place, name in enumerate(names)}
    fixed = {name: globs[0] for name, globs in scope if len(globs) == 1 and _is_plain(globs[0])}

    def tell(subject: str) -> tuple[str, Mapping[str, str]]:
        labels = fixed if by == ALL else {**fixed, by: subject}
        place = places.get(subject)
        return ("" if place is None or not known else detail(place)), labels

    unknown = np.full(len(names), np.nan)
    absent = 0.0 if known else float("nan")
    return Readings(metric, names, values if known else unknown, volumes, tell, absent)


def _is_plain(glob: str) -> bool:
    return not any(sign in glob for sign in "*?[")
