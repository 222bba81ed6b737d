"""One breaker over time: what its page and the API tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings

from dashboard.fleet.figures import Band, Line, figure_of
from dashboard.fleet.presenting import BreakerCard, breaker_cards, gaps_of
from dashboard.fleet.refusals import Refusal, cut_short, merged_refusals, refusals_of, with_rejected
from ingest.models import BreakerTransition
from ingest.queries.absences import Absence, read_absences
from ingest.queries.breakers import (
    Numbers,
    find_breakers,
    read_changes,
    read_numbers,
    read_rejected,
)
from ingest.queries.fleet import OPEN_STATES, BreakerView, breaker_views
from ingest.queries.metrics import MetricTable, read_metrics

__all__ = ["DEFAULT_RANGE", "RANGES", "BreakerPast", "Handled", "figures_of", "read_breaker"]

RANGES = {"1h": 3_600_000, "6h": 21_600_000, "24h": 86_400_000, "7d": 604_800_000}
DEFAULT_RANGE = "6h"
POINTS = 360


class Handled(NamedTuple):
    """What the service's consumer could not do at once within a stretch of time, to the step."""

    retried: int
    failed: int


@dataclass(frozen=True)
class BreakerPast:
    """``changes`` and ``refusals`` of all instances are newest first.

    ``table`` is of the consumer of the service's name, None if none is known.
    """

    card: BreakerCard
    views: list[BreakerView]
    changes: list[tuple[str, BreakerTransition]]
    refusals: list[Refusal]
    refused: list[tuple[int, int]]
    numbers: list[Numbers]
    table: MetricTable | None
    since_ms: int
    now_ms: int

    def handled(self, refusal: Refusal) -> Handled | None:
        """Counted in whole steps of the metrics, so that what is beside the refusal may be in it.

        None if that time was not observed, or no consumer is known.
        """
        if self.table is None:
            return None
        until_ms = self.now_ms if refusal.until_ms is None else refusal.until_ms
        step, group = self.table.step_ms, self.table.groups[0]
        places = [
            place
            for place, at_ms in enumerate(self.table.times_ms)
            if at_ms + step > refusal.from_ms and at_ms < until_ms and self.table.known[place]
        ]
        if not places:
            return None
        failed = group.failed + group.dead_lettered
        return Handled(*(int(counts[places].sum()) for counts in (group.retried, failed)))


def read_breaker(address: str, *, range_ms: int, now_ms: int) -> BreakerPast | None:
    """The breaker at ``address`` over ``range_ms``; None if there is none."""
    rows = find_breakers(address)
    if not rows:
        return None
    since_ms = now_ms - range_ms
    changes = read_changes(rows, since_ms=since_ms)
    views = breaker_views(rows, changes, now_ms=now_ms)
    options = settings.INGEST.circuit_breakers
    absences = read_absences({row.service for row in rows}, since_ms=since_ms)
    (card,) = breaker_cards(
        views, now_ms=now_ms, window_ms=range_ms, options=options, absences=absences
    )
    rejected = read_rejected(rows, since_ms=since_ms)
    refusals = [
        one
        for view in views
        for one in with_rejected(
            _refusals(view, since_ms, gaps_of(view, absences, now_ms)),
            rejected.get(view.breaker.pk, []),
            now_ms=now_ms,
        )
    ]
    told = [(view.breaker.instance, change) for view in views for change in view.transitions]
    return BreakerPast(
        card=card,
        views=views,
        changes=sorted(told, key=lambda one: (one[1].at_ms, one[1].pk), reverse=True),
        refusals=sorted(refusals, key=lambda one: one.from_ms, reverse=True),
        refused=merged_refusals(refusals, now_ms=now_ms),
        numbers=read_numbers(rows, since_ms=since_ms, step_ms=max(1_000, range_ms // POINTS)),
        table=_consumer(card.service, since_ms, now_ms),
        since_ms=since_ms,
        now_ms=now_ms,
    )


def _refusals(view: BreakerView, since_ms: int, gaps: Sequence[Absence]) -> list[Refusal]:
    """One that is open since before the range has no change in it; one that fell silent ended then."""
    row = view.breaker
    found = refusals_of(view.transitions, instance=row.instance)
    if not view.transitions and row.state in OPEN_STATES:
        found = [Refusal(row.since_ms, None, row.reason, row.instance)]
    return [one for one in cut_short(found, gaps) if (one.until_ms or since_ms) >= since_ms]


def _consumer(service: str, since_ms: int, now_ms: int) -> MetricTable | None:
    """What the consumer named like the service handled, if there is one."""
    if not service or any(mark in service for mark in "*?[!"):
        return None
    table = read_metrics(since_ms=since_ms, until_ms=now_ms, consumers=(service,), now_ms=now_ms)
    return table if table.groups and _told(table) else None


def _told(table: MetricTable) -> bool:
    group = table.groups[0]
    return bool(group.processed.sum() or group.retried.sum())


def figures_of(past: BreakerPast) -> dict[str, dict[str, Any]]:
    """Error rate, latency and throughput: as the breaker told them, and of the service's consumer."""
    table = past.table
    group = table.groups[0] if table else None
    lines = {
        "errors": (
            "error_rate",
            group.error_rate() if group else [],
            ".3~%",
            {"tickformat": ".2~%"},
        ),
        "latency": (
            "latency_ms",
            group.quantiles("processing", 0.95) if group else [],
            ",.3~f",
            {"ticksuffix": " ms"},
        ),
        "throughput": ("throughput", group.rate("processed") if group else [], ",.3~f", {}),
    }
    bands = [Band("open", begin, end) for begin, end in past.refused]
    return {
        name: figure_of(
            _lines(past, field, table.times_ms if table else [], values, hover),
            bands,
            since_ms=past.since_ms,
            until_ms=past.now_ms,
            axis=axis,
        )
        for name, (field, values, hover, axis) in lines.items()
    }


def _lines(
    past: BreakerPast,
    field: str,
    times: Sequence[int],
    values: Sequence[float | None],
    hover: str,
) -> list[Line]:
    every = [*(change for _, change in past.changes), *past.numbers]
    told = sorted(
        (one.at_ms, getattr(one, field)) for one in every if getattr(one, field) is not None
    )
    found = [Line("told by the breaker", told, "var(--es-series-3)", hover, apart=True)]
    if times:
        consumer = list(zip(map(int, times), values, strict=True))
        found.insert(0, Line("all that the service handled", consumer, "var(--es-series-1)", hover))
    return found
