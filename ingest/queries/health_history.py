"""How components stood in the past: spans, hours and days, as `ingest.folds.health_standing` wrote them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from django.db.models import Avg, F, Max, QuerySet

from ingest.folds.health_history import DAY_S, HOUR_S, SILENCE, Span, join_spans
from ingest.models import HealthPeriod, HealthResult, HealthSpan, HealthStanding

__all__ = [
    "MOST_SPANS",
    "Latency",
    "Period",
    "find_standing",
    "find_standings",
    "read_days",
    "read_hours",
    "read_latencies",
    "read_spans",
    "read_spans_of",
    "until_now",
]

MOST_SPANS = 2_000
_PERIODS = 50_000
_BINS = 2_000


class Period(NamedTuple):
    """One hour or day from ``begin_ms`` on; what is in none of the three is unknown."""

    begin_ms: int
    healthy_ms: int
    degraded_ms: int
    unhealthy_ms: int
    results: int
    failures: int
    timed: int
    latency_ms: float
    slowest_ms: float | None

    @property
    def known_ms(self) -> int:
        return self.healthy_ms + self.degraded_ms + self.unhealthy_ms

    @property
    def mean_ms(self) -> float | None:
        return self.latency_ms / self.timed if self.timed else None


class Latency(NamedTuple):
    """Of the results from ``at_ms`` on."""

    at_ms: int
    mean_ms: float | None
    slowest_ms: float | None


def find_standing(component: str) -> HealthStanding | None:
    return HealthStanding.objects.filter(component=component).first()


def find_standings(components: Collection[str]) -> list[HealthStanding]:
    """Of those among ``components`` that have a history."""
    return list(HealthStanding.objects.filter(component__in=list(components)))


def read_days(standings: Collection[int], *, since_ms: int) -> dict[int, list[Period]]:
    """Days that begin at or after ``since_ms``, oldest first, by standing; one query."""
    return _periods(standings, DAY_S, since_ms)


def read_hours(standing: int, *, since_ms: int) -> list[Period]:
    return _periods([standing], HOUR_S, since_ms).get(standing, [])


def _periods(standings: Collection[int], seconds: int, since_ms: int) -> dict[int, list[Period]]:
    rows = HealthPeriod.objects.filter(
        standing__in=list(standings), seconds=seconds, begin_ms__gte=since_ms
    )
    found: dict[int, list[Period]] = {}
    told = rows.order_by("begin_ms").values_list("standing_id", *Period._fields)
    for standing, *values in told[:_PERIODS]:
        found.setdefault(standing, []).append(Period(*values))
    return found


def read_spans(standing: HealthStanding, *, since_ms: int, limit: int = MOST_SPANS) -> list[Span]:
    """The newest ``limit`` that end after ``since_ms``, oldest first, up to its last word."""
    return read_spans_of([standing], since_ms=since_ms, limit=limit)[standing.component]


def read_spans_of(
    standings: Collection[HealthStanding], *, since_ms: int, limit: int = MOST_SPANS
) -> dict[str, list[Span]]:
    """The same of several, by component; ``limit`` is of all of them together. One query."""
    rows = HealthSpan.objects.filter(standing__in=standings, until_ms__gt=since_ms)
    newest = rows.order_by("-until_ms", "-id").values_list("standing_id", *Span._fields)[:limit]
    past: dict[int, list[Span]] = {}
    for standing, *span in list(newest)[::-1]:
        past.setdefault(standing, []).append(Span(*span))
    return {
        row.component: join_spans(
            [*past.get(row.pk, []), Span(row.status, row.from_ms, row.seen_ms, row.reason)]
        )
        for row in standings
    }


def until_now(spans: list[Span], *, now_ms: int, silent_ms: int) -> list[Span]:
    """The last word counts for ``silent_ms``; the time after it is unknown. Pure."""
    if not spans or spans[-1].until_ms >= now_ms:
        return spans
    last = spans[-1]
    heard_ms = min(now_ms, last.until_ms + silent_ms)
    later = [Span("unknown", heard_ms, now_ms, SILENCE)] if heard_ms < now_ms else []
    return join_spans([*spans[:-1], last._replace(until_ms=heard_ms), *later])


def read_latencies(component: str, *, since_ms: int, step_ms: int) -> list[Latency]:
    """Of all instances in steps of ``step_ms``, oldest first; steps without a result are left out."""
    rows: QuerySet[HealthResult] = HealthResult.objects.filter(
        component__component=component, at_ms__gte=since_ms
    )
    bins = (
        rows.annotate(step=F("at_ms") / step_ms)
        .values_list("step")
        .annotate(mean=Avg("latency_ms"), slowest=Max("latency_ms"))
        .order_by("step")[:_BINS]
    )
    return [Latency(int(step) * step_ms, mean, slowest) for step, mean, slowest in bins]
