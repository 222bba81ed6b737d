"""What the pages of the fleet read besides `ingest.queries.state`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dashboard.fleet.models import BacklogSample, Duty
from ingest.models import HealthResult
from ingest.queries.metrics import OVERFLOW, MetricGroup, read_metrics, read_series

__all__ = [
    "RATE_S",
    "backlog_trends",
    "group_metrics",
    "handlers_by_group",
    "list_duties",
    "recent_results",
]

RATE_S = 60
MOST_RESULTS = 5_000
MOST_SAMPLES = 10_000
MOST_CONSUMERS = 200


def recent_results(
    since_ms: int, component_ids: Collection[int] | None = None
) -> dict[int, list[HealthResult]]:
    """Health results since then by component row (of these, or of all), newest first; one query."""
    found: dict[int, list[HealthResult]] = {}
    rows = HealthResult.objects.filter(at_ms__gte=since_ms).order_by("-at_ms", "-id")
    if component_ids is not None:
        rows = rows.filter(component__in=component_ids)
    for row in rows[:MOST_RESULTS]:
        found.setdefault(row.component_id, []).append(row)
    return found


def list_duties() -> Sequence[Duty]:
    """What monitor does, those that fail first."""
    return list(Duty.objects.order_by("-failing", "name"))


def backlog_trends(since_ms: int) -> dict[str, list[int]]:
    """What waited for each group since then, oldest first; one query."""
    found: dict[str, list[int]] = {}
    rows = BacklogSample.objects.filter(at_ms__gte=since_ms).order_by("-at_ms", "-id")
    for group, backlog in rows.values_list("group", "backlog")[:MOST_SAMPLES]:
        found.setdefault(group, []).append(backlog)
    return {group: values[::-1] for group, values in found.items()}


def handlers_by_group() -> dict[str, list[str]]:
    """The consumers whose receipts ever named each consumer group, by name; one query."""
    found: dict[str, set[str]] = {}
    for one in read_series():
        if one.group and one.group != OVERFLOW:
            found.setdefault(one.group, set()).add(one.consumer)
    return {group: sorted(consumers) for group, consumers in found.items()}


def group_metrics(now_ms: int) -> tuple[dict[str, MetricGroup], float]:
    """What receipts tell of each consumer group over the last minute, and how many seconds of it are known."""
    second = now_ms // 1000 * 1000
    table = read_metrics(
        since_ms=second - RATE_S * 1000,
        until_ms=second,
        resolution=1,
        step=1,  # a step of a minute would be widened to whole minutes, up to two
        group_by="group",
        max_groups=MOST_CONSUMERS,
        partial=True,
    )
    return {group.name: group for group in table.groups}, float(sum(table.seconds))
