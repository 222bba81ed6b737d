"""How each instance of a component was over the last day, from its results. The history of the component is
told elsewhere, once and in order of time; this only shows which instance it was."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.db.models import Count, F

from ingest.folds.health_words import RANK
from ingest.models import HealthResult

__all__ = ["SPAN_MS", "STEP_MS", "InstanceDay", "day_of", "read_instance_days"]

SPAN_MS, STEP_MS = 86_400_000, 1_800_000
MOST_INSTANCES = 100


class InstanceDay(NamedTuple):
    """``steps`` of `STEP_MS`, oldest first: the worst status told in each, ``unknown`` where none was.

    ``results`` were told in all, of which ``failures`` were unhealthy.
    """

    steps: tuple[str, ...]
    results: int
    failures: int

    @property
    def words(self) -> str:
        """For those who do not see the strip."""
        if not self.results:
            return "nothing told in the last 24 hours"
        return f"{self.failures:,} of {self.results:,} results unhealthy in the last 24 hours"


def read_instance_days(ids: Collection[int], *, now_ms: int) -> dict[int, InstanceDay]:
    """By component row, of the first `MOST_INSTANCES` of them; one query."""
    chosen = list(ids)[:MOST_INSTANCES]
    first = now_ms // STEP_MS * STEP_MS - SPAN_MS + STEP_MS
    rows = (
        HealthResult.objects.filter(component__in=chosen, at_ms__gte=first, at_ms__lte=now_ms)
        .annotate(step=(F("at_ms") - first) / STEP_MS)
        .values_list("component_id", "step", "status")
        .annotate(count=Count("id"))
        .order_by()
    )
    told: dict[int, list[tuple[int, str, int]]] = {id: [] for id in chosen}
    for id, step, status, count in rows:
        told[id].append((int(step), status, count))
    return {id: day_of(counts) for id, counts in told.items()}


def day_of(counts: Iterable[tuple[int, str, int]]) -> InstanceDay:
    """From how often each status was told in each step. Pure."""
    steps = ["unknown"] * (SPAN_MS // STEP_MS)
    results = failures = 0
    for step, status, count in counts:
        results += count
        failures += count if status == "unhealthy" else 0
        if steps[step] == "unknown" or RANK.get(status, 3) > RANK.get(steps[step], 3):
            steps[step] = status
    return InstanceDay(tuple(steps), results, failures)
