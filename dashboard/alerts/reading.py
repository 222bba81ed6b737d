"""Reads what a round of evaluation judges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Count

from dashboard.alerts.observing import (
    FRESH_MS,
    Backlog,
    observe_backlog,
    observe_breakers,
    observe_components,
    observe_consumers,
    observe_dead_letters,
    observe_ingest,
    observe_throughput,
)
from dashboard.alerts.rules import WINDOW_S
from ingest.queries import state
from ingest.queries.metrics import MetricTable, read_metrics
from ingest.queries.status import ingest_status

if TYPE_CHECKING:
    from dashboard.alerts.evaluate import Observation, Standing
    from ingest.models import Breaker

__all__ = ["read_observations"]

THROUGHPUT_S = 60
MAX_CONSUMERS = 200


def read_observations(now_ms: int, standings: Iterable[Standing]) -> list[Observation]:
    """All that the rules ask for, as it is now."""
    open_subjects = _subjects(standings)
    status = ingest_status(now_ms)
    until = status.observed_until_ms
    known = until is not None and now_ms - until <= FRESH_MS
    return [
        *_read_metrics(now_ms, known, open_subjects),
        *observe_dead_letters(
            _arrived(now_ms - WINDOW_S * 1000),
            known=known,
            expected=open_subjects.get("dead-letters", ()),
        ),
        *observe_breakers(_breakers(now_ms)),
        *observe_components(
            [row for view in state.list_components(now_ms=now_ms) for row in view.instances],
            now_ms=now_ms,
            interval_ms=settings.DASHBOARD.health.interval * 1000,
        ),
        *observe_backlog(_backlogs(), now_ms=now_ms),
        *observe_ingest(status, now_ms=now_ms),
    ]


def _read_metrics(
    now_ms: int, known: bool, open_subjects: dict[str, set[str]]
) -> list[Observation]:
    second = now_ms // 1000 * 1000
    handled = _table(second - WINDOW_S * 1000, second, group_by="consumer")
    published = _table(second - THROUGHPUT_S * 1000, second)
    groups = [group for group in handled.groups if group.name not in ("", "other")]
    expected = set().union(
        *(open_subjects.get(rule, set()) for rule in ("error-rate", "latency-p95", "latency-p99"))
    )
    total = published.groups[0].total("published") if published.groups else 0
    return [
        *observe_consumers(groups, known=known and any(handled.known), expected=expected),
        *observe_throughput(total, sum(published.seconds) if known else 0),
    ]


def _arrived(since_ms: int) -> dict[str, int]:
    """Dead letters received since, by consumer, or by topic where no consumer is told."""
    rows = state.filter_dead_letters(state.LetterFilter(since_ms=since_ms))
    found: dict[str, int] = {}
    for consumer, topic, count in rows.values_list("consumer", "topic").annotate(Count("id")):
        name = consumer or topic or "unknown consumer"
        found[name] = found.get(name, 0) + count
    return found


def _breakers(now_ms: int) -> list[tuple[Breaker, bool]]:
    """Every breaker instance, and whether its last word still says something of now."""
    views = state.list_breakers(transitions=1, now_ms=now_ms)
    return [(view.breaker, not view.stale) for view in views]


def _backlogs() -> list[Backlog]:
    return [
        Backlog(part.stream.topic, part.name, part.lag, part.pending, part.sampled_ms)
        for view in state.consumer_backlogs()
        for part in view.parts
    ]


def _table(since_ms: int, until_ms: int, *, group_by: str = "") -> MetricTable:
    return read_metrics(
        since_ms=since_ms,
        until_ms=until_ms,
        resolution=1,
        step=(until_ms - since_ms) // 1000,
        group_by=group_by,
        max_groups=MAX_CONSUMERS,
        partial=True,
    )


def _subjects(standings: Iterable[Standing]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for standing in standings:
        found.setdefault(standing.rule, set()).add(standing.subject)
    return found
