"""One component over time: what its page and the API tell of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings

from dashboard.fleet.figures import Band, Line, figure_of, with_gaps
from dashboard.fleet.uptime import (
    DAY_MS,
    HOUR_MS,
    STRIP_DAYS,
    DayBar,
    Incident,
    Uptime,
    day_bars,
    incidents_of,
    strip_words,
    uptimes,
)
from ingest.folds.health_history import Span
from ingest.models import HealthStanding
from ingest.queries.health_history import (
    Latency,
    Period,
    find_standing,
    find_standings,
    read_days,
    read_hours,
    read_latencies,
    read_spans,
    until_now,
)

__all__ = [
    "DEFAULT_RANGE",
    "RANGES",
    "ComponentPast",
    "Strip",
    "latency_figure",
    "read_past",
    "strips_of",
    "strips_of_standings",
]

RANGES = {"24h": (DAY_MS, 600_000), "7d": (7 * DAY_MS, HOUR_MS), "30d": (30 * DAY_MS, HOUR_MS)}
"""Length of the chart and its step; steps of an hour are read from the stored hours."""
DEFAULT_RANGE = "24h"


class Strip(NamedTuple):
    """What stands beside a component in a list."""

    days: list[DayBar]
    uptime: Uptime

    @property
    def words(self) -> str:
        return strip_words(self.days)


@dataclass(frozen=True)
class ComponentPast:
    """``spans`` are oldest first and go up to now."""

    component: str
    uptimes: list[Uptime]
    days: list[DayBar]
    spans: list[Span]
    hours: list[Period]

    @property
    def words(self) -> str:
        return strip_words(self.days)

    @property
    def incidents(self) -> list[Incident]:
        return incidents_of(self.spans)


def read_past(component: str, *, now_ms: int) -> ComponentPast | None:
    """Of the last `STRIP_DAYS` days; None if nothing was ever told of it. Four queries."""
    standing = find_standing(component)
    if standing is None:
        return None
    hours = read_hours(standing.pk, since_ms=now_ms - 31 * DAY_MS)
    days = read_days([standing.pk], since_ms=first_day(now_ms)).get(standing.pk, [])
    return ComponentPast(
        component=component,
        uptimes=uptimes(hours, days, begun_ms=standing.began_ms, now_ms=now_ms),
        days=day_bars(days, begun_ms=standing.began_ms, now_ms=now_ms),
        spans=_spans(standing, now_ms),
        hours=hours,
    )


def strips_of(components: Collection[str], *, now_ms: int) -> dict[str, Strip]:
    """The days of each component by name, and its uptime over all of them; two queries."""
    return strips_of_standings(find_standings(components), now_ms=now_ms)


def strips_of_standings(standings: Collection[HealthStanding], *, now_ms: int) -> dict[str, Strip]:
    """The same where the standings are read already; one query."""
    days = read_days([row.pk for row in standings], since_ms=first_day(now_ms))
    return {row.component: _strip(days.get(row.pk, []), row.began_ms, now_ms) for row in standings}


def _strip(days: list[Period], begun_ms: int, now_ms: int) -> Strip:
    told = uptimes([], days, begun_ms=begun_ms, now_ms=now_ms)
    return Strip(day_bars(days, begun_ms=begun_ms, now_ms=now_ms), told[-1])


def first_day(now_ms: int) -> int:
    """When the first of the last `STRIP_DAYS` days began."""
    return now_ms // DAY_MS * DAY_MS - (STRIP_DAYS - 1) * DAY_MS


def _spans(standing: HealthStanding, now_ms: int) -> list[Span]:
    told = read_spans(standing, since_ms=now_ms - STRIP_DAYS * DAY_MS)
    return until_now(told, now_ms=now_ms, silent_ms=settings.HEALTH_SILENT_MS)


def latency_figure(past: ComponentPast, name: str, *, now_ms: int) -> dict[str, Any]:
    """Mean and slowest latency over `RANGES` ``name``; time that was not well is a band."""
    length, step = RANGES[name]
    since = now_ms - length
    if step == HOUR_MS:
        told: Sequence[Latency] = [
            Latency(hour.begin_ms, hour.mean_ms, hour.slowest_ms)
            for hour in past.hours
            if hour.begin_ms >= since
        ]
    else:
        told = read_latencies(past.component, since_ms=since, step_ms=step)
    slowest = with_gaps([(one.at_ms, one.slowest_ms) for one in told], step)
    mean = with_gaps([(one.at_ms, one.mean_ms) for one in told], step)
    return figure_of(
        [
            Line("slowest", slowest, "var(--es-series-3)", ",.3~f"),
            Line("mean", mean, "var(--es-series-1)", ",.3~f"),
        ],
        [Band(*span[:3]) for span in past.spans if span.status != "healthy"],
        since_ms=since,
        until_ms=now_ms,
        axis={"ticksuffix": " ms"},
    )
