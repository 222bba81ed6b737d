"""From what the queries tell to what the rules judge: pure. `dashboard.alerts.rounds` reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from dashboard.alerts.evaluate import Observation

__all__ = [
    "FRESH_MS",
    "Backlog",
    "observe_backlog",
    "observe_breakers",
    "observe_components",
    "observe_consumers",
    "observe_dead_letters",
    "observe_ingest",
    "observe_throughput",
]

FRESH_MS = 30_000
"""What was last observed longer ago than this is not known now."""
SILENT_INTERVALS = 3
LEAST_FAILED = 5
"""Fewer failures tell of an accident, not of a rate: one in 150 is above 0.1% too."""

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


class Group(Protocol):
    """What is used of `ingest.queries.metrics.MetricGroup`."""

    name: str

    def total(self, name: str) -> int: ...
    def total_quantile(self, kind: str, q: float) -> float | None: ...
    def total_error_rate(self) -> float | None: ...


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


def observe_consumers(
    groups: Iterable[Group], *, known: bool, expected: Iterable[str] = ()
) -> list[Observation]:
    """Error rate and quantiles of each consumer. ``expected`` are those with an open episode: seen
    or not, they are told of, as nothing if the time is known and as unknown otherwise."""
    found: list[Observation] = []
    seen = {group.name: group for group in groups} if known else {}
    for name, group in seen.items():
        found += _observe_consumer(name, group)
    for name in set(expected) - seen.keys():
        value = 0.0 if known else None
        found += [
            Observation(metric, name, value, 0, labels={"consumer": name})
            for metric in ("error_rate", "latency_p95", "latency_p99")
        ]
    return found


def _observe_consumer(name: str, group: Group) -> list[Observation]:
    finished = group.total("processed")
    failed = group.total("failed") + group.total("dead_lettered")
    telling = finished if failed >= LEAST_FAILED else 0
    told, labels = f"{finished:,} handled", {"consumer": name}
    p95 = group.total_quantile("processing", 0.95)
    p99 = group.total_quantile("processing", 0.99)
    return [
        Observation("error_rate", name, group.total_error_rate() or 0.0, telling, told, labels),
        Observation("latency_p95", name, p95 or 0.0, finished if p95 else 0, told, labels),
        Observation("latency_p99", name, p99 or 0.0, finished if p99 else 0, told, labels),
    ]


def observe_throughput(published: int, known_seconds: float) -> list[Observation]:
    value = published / known_seconds if known_seconds > 0 else None
    return [Observation("throughput", "all events", value)]


def observe_dead_letters(
    arrived: Mapping[str, int], *, known: bool, expected: Iterable[str] = ()
) -> list[Observation]:
    """``arrived`` counts by consumer (or topic). What did arrive is true even while we lag."""
    found = [Observation("dead_letters", name, float(n)) for name, n in arrived.items()]
    for name in set(expected) - arrived.keys():
        found.append(Observation("dead_letters", name, 0.0 if known else None))
    return found


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
