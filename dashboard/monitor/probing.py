"""The duty of probing: all components at once, a bounded number at a time, results written down."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db import connections, transaction

from dashboard.monitor.probes import probe_component
from dashboard.monitor.verdicts import Standing, Verdict, next_standing
from dashboard.options import ComponentOptions
from ingest.folds.health import known_states, last_starts
from ingest.folds.health_grace import excuse_starting
from ingest.folds.health_standing import record_history
from ingest.folds.health_words import HEALTHY, ComponentKey, ComponentState, HealthSample
from ingest.models import HealthComponent, HealthResult

__all__ = ["AT_ONCE", "probe_all", "write_verdict"]

AT_ONCE = 8


def probe_all() -> dict[str, int]:
    """Look at every configured component; how many stand where."""
    options = settings.DASHBOARD.health
    forget_others(options.components)
    counts: dict[str, int] = {}
    if not options.components:
        return counts
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="probe") as pool:
        verdicts = list(pool.map(_probe, options.components))
    for component, verdict in zip(options.components, verdicts, strict=True):
        write_verdict(component, verdict, threshold=options.unhealthy_threshold)
        counts[verdict.status] = counts.get(verdict.status, 0) + 1
    return counts


def write_verdict(
    component: ComponentOptions, verdict: Verdict, *, threshold: int, now_ms: int | None = None
) -> HealthComponent:
    """The component's row and one result, in one transaction."""
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    key = ComponentKey(component.name, component.service, "")
    told = HealthSample(key, now, verdict.status, verdict.latency_ms, _checks(component, verdict))
    with transaction.atomic(using="events"):
        states = known_states(component.name)
        sample = _excused(states, told)
        after = next_standing(
            _standing(states.get(key)), sample.status, threshold=threshold, now_ms=now
        )
        row, _ = HealthComponent.objects.update_or_create(
            **key._asdict(),
            defaults={
                "status": after.status,
                "since_ms": after.since_ms,
                "failures": after.failures,
                "seen_ms": now,
                "latency_ms": verdict.latency_ms,
                "checks": list(sample.checks),
                "probed": True,
            },
        )
        HealthResult.objects.create(
            component=row, at_ms=now, status=sample.status, latency_ms=verdict.latency_ms
        )
        record_history(states, [sample._replace(status=after.status)])
    return row


def _standing(state: ComponentState | None) -> Standing:
    return Standing(state.status, state.since_ms, state.failures) if state else Standing()


def _excused(states: Mapping[ComponentKey, ComponentState], sample: HealthSample) -> HealthSample:
    """An unwell service that has just started is not known to be unwell."""
    service = sample.key.service
    if sample.status == HEALTHY or not service:
        return sample
    starts, grace_ms = last_starts({service}), settings.HEALTH_GRACE_MS
    return excuse_starting(states, [sample], starts, grace_ms=grace_ms)[0]


def forget_others(components: Iterable[ComponentOptions]) -> int:
    """Drop what is no longer configured, with its results; what services push is not ours to drop."""
    wanted = {(component.name, component.service) for component in components}
    rows = HealthComponent.objects.filter(probed=True).values_list("pk", "component", "service")
    gone = [pk for pk, *names in rows if tuple(names) not in wanted]
    if not gone:
        return 0
    with transaction.atomic(using="events"):
        HealthResult.objects.filter(component_id__in=gone).delete()
        HealthComponent.objects.filter(pk__in=gone).delete()
    return len(gone)


def _checks(component: ComponentOptions, verdict: Verdict) -> tuple[dict[str, Any], ...]:
    """A look that says why is itself the first check."""
    if not verdict.output:
        return tuple(verdict.checks)
    own = {
        "name": component.url or component.check,
        "status": verdict.status,
        "latencyMs": verdict.latency_ms,
        "output": verdict.output,
    }
    return (own, *verdict.checks)


def _probe(component: ComponentOptions) -> Verdict:
    """In a thread of the pool, whose database connections must not outlive it."""
    try:
        return probe_component(component, timeout=settings.DASHBOARD.health.timeout)
    finally:
        connections.close_all()
