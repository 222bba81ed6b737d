"""Health reports: the latest word of each component instance, and every result."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from django.conf import settings

from ingest.folds.health_grace import Starts, excuse_starting
from ingest.folds.health_standing import record_history
from ingest.folds.health_words import (
    HEALTHY,
    UNKNOWN,
    ComponentKey,
    ComponentState,
    HealthSample,
    map_status,
)
from ingest.folds.moments import moment_of
from ingest.folds.rows import evict_oldest, rows_named
from ingest.folds.text import bounded, finite, whole
from ingest.models import HealthComponent, HealthResult, ServiceInstance
from ingest.records import Record
from ingest.system import HealthReport

__all__ = [
    "ComponentKey",
    "ComponentState",
    "HealthSample",
    "fold_health",
    "known_states",
    "last_starts",
    "map_status",
    "record_health",
    "samples_of",
]

_CHECKS, _OUTPUT = 50, 500


def samples_of(records: Iterable[Record]) -> list[HealthSample]:
    return [
        _sample(moment_of(record), record.detail)
        for record in records
        if isinstance(record.detail, HealthReport)
    ]


def _sample(at_ms: int, report: HealthReport) -> HealthSample:
    status, note = map_status(report.status)
    checks: list[dict[str, Any]] = [
        {
            "name": bounded(check.name, 200),
            "status": map_status(check.status)[0],
            "latencyMs": finite(check.latency_ms),
            "output": bounded(check.output, _OUTPUT),
        }
        for check in report.checks[:_CHECKS]
    ]
    if note:
        checks.append({"name": "status", "status": status, "latencyMs": None, "output": note})
    return HealthSample(
        ComponentKey(
            bounded(report.component, 200),
            bounded(report.service, 200),
            bounded(report.instance, 200),
        ),
        at_ms,
        status,
        finite(report.latency_ms),
        tuple(checks),
    )


def fold_health(
    states: Mapping[ComponentKey, ComponentState], samples: Sequence[HealthSample]
) -> dict[ComponentKey, ComponentState]:
    """The states that ``samples`` change. Pure; a sample older than what is known changes nothing."""
    changed: dict[ComponentKey, ComponentState] = {}
    for sample in sorted(samples, key=lambda sample: sample.at_ms):
        before = changed.get(sample.key) or states.get(sample.key)
        if before is None or sample.at_ms >= before.seen_ms:
            changed[sample.key] = _after(before, sample)
    return changed


def _after(before: ComponentState | None, sample: HealthSample) -> ComponentState:
    same = before is not None and before.status == sample.status
    return ComponentState(
        status=sample.status,
        since_ms=before.since_ms if before and same else sample.at_ms,
        seen_ms=sample.at_ms,
        latency_ms=sample.latency_ms,
        failures=_failures(before.failures if before else 0, sample.status),
        checks=sample.checks,
    )


def _failures(before: int, status: str) -> int:
    """In a row; who does not know how it is neither adds to them nor ends them."""
    if status == UNKNOWN:
        return before
    return 0 if status == HEALTHY else whole(before + 1)


def record_health(samples: Sequence[HealthSample]) -> None:
    """Fold what services told into the rows and the history; call in a transaction."""
    if not samples:
        return
    rows = _known_rows({sample.key.component for sample in samples})
    states = {key: _state(row) for key, row in rows.items()}
    starts = last_starts({s.key.service for s in samples if s.status != HEALTHY and s.key.service})
    samples = excuse_starting(states, samples, starts, grace_ms=settings.HEALTH_GRACE_MS)
    changed = fold_health(states, samples)
    if changed:
        saved = HealthComponent.objects.bulk_create(
            [_row(key, state) for key, state in changed.items()],
            update_conflicts=True,
            unique_fields=list(ComponentKey._fields),
            update_fields=[*ComponentState.__struct_fields__, "probed"],
        )
        rows |= {_key(row): row for row in saved}
    HealthResult.objects.bulk_create(
        HealthResult(
            component_id=rows[sample.key].pk,
            at_ms=sample.at_ms,
            status=sample.status,
            latency_ms=sample.latency_ms,
        )
        for sample in samples
    )
    record_history(states, samples)
    evict_oldest(HealthComponent)


def known_states(component: str) -> dict[ComponentKey, ComponentState]:
    """What is kept of every instance of ``component``, locked for the caller's transaction."""
    return {key: _state(row) for key, row in _known_rows({component}).items()}


def last_starts(services: Collection[str]) -> Starts:
    """When instances of ``services`` started; what has no instance of its own goes by its service."""
    found: dict[tuple[str, str], int] = {}
    if not services:
        return found
    rows = ServiceInstance.objects.filter(service__in=services).exclude(started_ms=None)
    for row in rows:
        started_ms = row.started_ms or 0
        found[row.service, row.instance] = started_ms
        found[row.service, ""] = max(started_ms, found.get((row.service, ""), 0))
    return found


def _known_rows(names: Collection[str]) -> dict[ComponentKey, HealthComponent]:
    return {_key(row): row for row in rows_named(HealthComponent, "component", names)}


def _key(row: HealthComponent) -> ComponentKey:
    return ComponentKey(row.component, row.service, row.instance)


def _state(row: HealthComponent) -> ComponentState:
    return ComponentState(
        row.status, row.since_ms, row.seen_ms, row.latency_ms, row.failures, tuple(row.checks)
    )


def _row(key: ComponentKey, state: ComponentState) -> HealthComponent:
    values = msgspec.structs.asdict(state)
    values["checks"] = list(state.checks)
    return HealthComponent(**key._asdict(), **values)
