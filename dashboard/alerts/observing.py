"""From what the queries tell to what the rules judge: pure. `dashboard.alerts.rounds` reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from dashboard.alerts.readings import Observation
from ingest.schema_changes import Change

__all__ = [
    "FRESH_MS",
    "Backlog",
    "observe_backlog",
    "observe_breakers",
    "observe_clearing",
    "observe_components",
    "observe_ingest",
    "observe_schemas",
    "observe_stuck",
]

FRESH_MS = 30_000
"""What was last observed longer ago than this is not known now."""
SILENT_INTERVALS = 3
LONGEST_CLEARING_MS = 7 * 86_400_000.0
"""What takes longer than this to clear, or is not worked on at all, is told as this."""

OPEN_STATES = ("open", "forced_open")
BREAKER_VALUES = {"open": 1.0, "forced_open": 1.0, "half_open": 0.5}


class Status(Protocol):
    """What is used of `ingest.queries.status.IngestStatus`."""

    @property
    def lag(self) -> int: ...
    @property
    def stalled(self) -> bool: ...
    @property
    def streams(self) -> int: ...
    @property
    def observed_until_ms(self) -> int | None: ...


class Breaker(Protocol):
    name: str
    service: str
    instance: str
    state: str
    reason: str
    since_ms: int


class Component(Protocol):
    component: str
    service: str
    instance: str
    status: str
    failures: int
    seen_ms: int


class Backlog(NamedTuple):
    """One consumer group on one topic; ``lag`` None if the broker cannot tell."""

    topic: str
    name: str
    lag: int | None
    pending: int
    sampled_ms: int


def observe_breakers(rows: Iterable[tuple[Breaker, bool]]) -> list[Observation]:
    """One a breaker of a service, the worst of its instances that still live (told beside each)."""
    by_place: dict[tuple[str, str], list[Breaker]] = {}
    for row, lives in rows:
        group = by_place.setdefault((row.service, row.name), [])
        group += [row] if lives else []
    return [_observe_breaker(*place, group) for place, group in by_place.items()]


def _observe_breaker(service: str, name: str, live: Sequence[Breaker]) -> Observation:
    states = Counter(row.state for row in live)
    value = max((BREAKER_VALUES.get(row.state, 0.0) for row in live), default=0.0)
    refused = sum(states[state] for state in OPEN_STATES)
    reasons = [row.reason for row in live if row.state in OPEN_STATES and row.reason]
    told = f"{refused} of {len(live)} instances" if len(live) > 1 else ""
    return Observation(
        "breaker",
        _subject(service, name),
        value,
        detail="; ".join(part for part in (told, *reasons[:1]) if part),
        labels={"service": service, "breaker": name},
    )


def observe_components(
    rows: Iterable[Component], *, now_ms: int, interval_ms: float
) -> list[Observation]:
    """Unhealthy results in a row, the most among the instances that still tell."""
    by_place: dict[tuple[str, str], list[Component]] = {}
    for row in rows:
        by_place.setdefault((row.service, row.component), []).append(row)
    oldest = now_ms - SILENT_INTERVALS * interval_ms
    return [_observe_component(*place, group, oldest) for place, group in by_place.items()]


def _observe_component(
    service: str, name: str, rows: Sequence[Component], oldest: float
) -> Observation:
    subject, labels = _subject(service, name), {"service": service, "component": name}
    fresh = [row for row in rows if row.seen_ms >= oldest]
    if not fresh:
        return Observation("component", subject, None, labels=labels)
    failures = [row.failures if row.status == "unhealthy" else 0 for row in fresh]
    failing = sum(1 for count in failures if count)
    told = f"{failing} of {len(fresh)} instances" if len(fresh) > 1 else ""
    return Observation("component", subject, float(max(failures)), detail=told, labels=labels)


def observe_backlog(groups: Iterable[Backlog], *, now_ms: int) -> list[Observation]:
    """Not delivered plus not acknowledged; not known if the broker cannot tell or was not asked."""
    return [
        Observation(
            "backlog",
            f"{group.name} on {group.topic}",
            _backlog(group, now_ms),
            detail=f"{group.pending:,} of them delivered and not acknowledged",
            labels={"consumer": group.name, "topic": group.topic},
        )
        for group in groups
    ]


def _backlog(group: Backlog, now_ms: int) -> float | None:
    if group.lag is None or now_ms - group.sampled_ms > FRESH_MS:
        return None
    return float(group.lag + group.pending)


def observe_clearing(
    groups: Iterable[Backlog], finished: Mapping[str, float], *, seconds: float, now_ms: int
) -> list[Observation]:
    """Backlog ÷ what the consumer of the same name ``finished`` per second; unknown where none is told of."""
    return [
        Observation(
            "backlog_clears",
            f"{group.name} on {group.topic}",
            _clearing(_backlog(group, now_ms), finished.get(group.name), seconds),
            labels={"consumer": group.name, "topic": group.topic},
        )
        for group in groups
    ]


def _clearing(backlog: float | None, finished: float | None, seconds: float) -> float | None:
    if backlog is None or finished is None or not seconds:
        return None
    if not backlog:
        return 0.0
    return min(LONGEST_CLEARING_MS, backlog * seconds / finished * 1000 if finished else np.inf)


def observe_stuck(stuck: Mapping[str, int]) -> list[Observation]:
    """Stuck flows by the type that they begin with."""
    return [
        Observation("stuck_flows", type, float(count), labels={"type": type})
        for type, count in stuck.items()
    ]


def observe_schemas(changes: Mapping[str, Sequence[Change]], *, since_ms: int) -> list[Observation]:
    """How many changes each type's schema had since then, the newest told."""
    found = []
    for type, listed in changes.items():
        recent = [change for change in listed if change.at_ms >= since_ms]
        told = f"{recent[0].kind} {recent[0].path or recent[0].version}" if recent else ""
        found.append(
            Observation(
                "schema_changes", type, float(len(recent)), detail=told, labels={"type": type}
            )
        )
    return found


def observe_ingest(status: Status, *, now_ms: int) -> list[Observation]:
    """Whether Eventscope itself keeps up."""
    if not status.streams:
        return []
    until = status.observed_until_ms
    behind = None if until is None else float(max(0, now_ms - until))
    return [
        Observation("ingest_stalled", "ingest", float(status.stalled)),
        Observation(
            "ingest_behind", "ingest", behind, detail=f"{status.lag:,} messages not yet stored"
        ),
    ]


def _subject(service: str, name: str) -> str:
    return f"{service} / {name}" if service else name
