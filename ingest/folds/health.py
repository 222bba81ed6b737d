"""Health reports: the latest word of each component instance, and every result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ingest.folds.moments import moment_of
from ingest.folds.rows import evict_oldest, rows_named
from ingest.folds.text import bounded, finite, whole
from ingest.models import HealthComponent, HealthResult
from ingest.records import Record
from ingest.system import HealthReport

__all__ = [
    "ComponentKey",
    "ComponentState",
    "HealthSample",
    "fold_health",
    "map_status",
    "record_health",
    "samples_of",
]

HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"
_STATUSES = {
    HEALTHY: ("healthy", "ok", "up", "pass", "passing", "serving", "green", "alive"),
    DEGRADED: ("degraded", "warn", "warning", "yellow", "partial"),
    UNHEALTHY: ("unhealthy", "down", "fail", "failed", "failing", "critical", "error", "red"),
}
_MEANING = {word: status for status, words in _STATUSES.items() for word in words}
_CHECKS, _OUTPUT = 50, 500


class ComponentKey(NamedTuple):
    component: str
    service: str
    instance: str


class HealthSample(NamedTuple):
    """One result of one component instance; ``checks`` as `HealthComponent.checks` holds them."""

    key: ComponentKey
    at_ms: int
    status: str
    latency_ms: float | None = None
    checks: tuple[dict[str, Any], ...] = ()


class ComponentState(msgspec.Struct, frozen=True):
    """What is kept of a component instance."""

    status: str
    since_ms: int
    seen_ms: int
    latency_ms: float | None
    failures: int
    checks: tuple[dict[str, Any], ...]


def map_status(status: str) -> tuple[str, str]:
    """A status in our words, and a note: what nobody can read is unhealthy, and says why."""
    known = _MEANING.get(status.strip().lower())
    if known is not None:
        return known, ""
    return UNHEALTHY, f"The status {status[:60]!r} is not one of healthy, degraded, unhealthy."


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
    failures = before.failures if before else 0
    return ComponentState(
        status=sample.status,
        since_ms=before.since_ms if before and same else sample.at_ms,
        seen_ms=sample.at_ms,
        latency_ms=sample.latency_ms,
        failures=0 if sample.status == HEALTHY else whole(failures + 1),
        checks=sample.checks,
    )


def record_health(samples: Sequence[HealthSample], *, probed: bool = False) -> None:
    """Fold ``samples`` into the rows; call in a transaction. ``probed``: monitor looked itself."""
    if not samples:
        return
    names = {sample.key.component for sample in samples}
    rows = {_key(row): row for row in rows_named(HealthComponent, "component", names)}
    changed = fold_health({key: _state(row) for key, row in rows.items()}, samples)
    if changed:
        saved = HealthComponent.objects.bulk_create(
            [_row(key, state, probed=probed) for key, state in changed.items()],
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
    evict_oldest(HealthComponent)


def _key(row: HealthComponent) -> ComponentKey:
    return ComponentKey(row.component, row.service, row.instance)


def _state(row: HealthComponent) -> ComponentState:
    return ComponentState(
        row.status, row.since_ms, row.seen_ms, row.latency_ms, row.failures, tuple(row.checks)
    )


def _row(key: ComponentKey, state: ComponentState, *, probed: bool) -> HealthComponent:
    values = msgspec.structs.asdict(state)
    values["checks"] = list(state.checks)
    return HealthComponent(**key._asdict(), **values, probed=probed)
