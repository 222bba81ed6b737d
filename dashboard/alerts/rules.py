"""The built-in rules, as data made of the guide's numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard.options import DashboardOptions
from eventscope.durations import parse_duration

__all__ = ["CRITICAL", "WARNING", "WINDOW_S", "Rule", "built_in_rules", "rules_by_name"]

CRITICAL, WARNING = "critical", "warning"
WINDOW_S = 300
"""Seconds over which rates and quantiles are taken: long enough that an alarm is not an accident."""
ROOM_FOR_CLEARING = 0.8
LEAST_FINISHED = 100


@dataclass(frozen=True)
class Rule:
    """Holds while the value is above ``above``; is clear at ``clear`` or below; between, it stays.

    ``for_s`` is how long it must be seen to hold before it fires, ``clear_s`` how long to be clear
    before it resolves. Below ``minimum`` measured things it does not hold. ``overrides`` gives
    subjects a threshold of their own.
    """

    name: str
    title: str
    metric: str
    above: float
    clear: float
    unit: str
    severity: str
    explanation: str
    for_s: float = 60
    clear_s: float = 60
    minimum: float = 0
    page: str = ""
    owner: str = ""
    overrides: Mapping[str, float] = field(default_factory=dict)

    def threshold(self, subject: str) -> float:
        return self.overrides.get(subject, self.above)

    def clear_threshold(self, subject: str) -> float:
        """The same share below the threshold for a subject that has one of its own."""
        if subject not in self.overrides:
            return self.clear
        return self.overrides[subject] * (self.clear / self.above if self.above else 1)


def built_in_rules(options: DashboardOptions) -> tuple[Rule, ...]:
    """Every rule that comes with Eventscope, in the order in which they are explained."""
    if not options.alerts.enabled:
        return ()
    return (*_objectives(options), *_failures(options), *_system(options))


def rules_by_name(options: DashboardOptions) -> dict[str, Rule]:
    return {rule.name: rule for rule in built_in_rules(options)}


def _objectives(options: DashboardOptions) -> tuple[Rule, ...]:
    goals, for_s = options.objectives, float(options.alerts.for_)
    return (
        _above(
            "error-rate",
            "Error rate over objective",
            "error_rate",
            goals.error_rate,
            unit="share",
            severity=CRITICAL,
            for_s=for_s,
            minimum=LEAST_FINISHED,
            page="live:overview",
            overrides=_own(goals.consumers, "error_rate", _share),
            explanation="Share of handlings in the last 5 minutes that failed or were dead-lettered, "
            f"by consumer. Fewer than {LEAST_FINISHED} handlings, or 5 failures, are no alarm.",
        ),
        *(
            _latency(options, name, getattr(goals, name), severity)
            for name, severity in (("p95", WARNING), ("p99", CRITICAL))
        ),
        _above(
            "throughput",
            "Throughput over peak load",
            "throughput",
            goals.peak_load,
            unit="/s",
            severity=WARNING,
            for_s=for_s,
            page="live:overview",
            explanation="Events published per second, over the last minute, above the load that the "
            "system is planned for.",
        ),
    )


def _latency(options: DashboardOptions, name: str, goal: float, severity: str) -> Rule:
    return _above(
        f"latency-{name}",
        f"Processing time {name} over objective",
        f"latency_{name}",
        goal * 1000,
        unit="ms",
        severity=severity,
        for_s=float(options.alerts.for_),
        minimum=LEAST_FINISHED,
        page="live:overview",
        overrides=_own(options.objectives.consumers, name, lambda text: parse_duration(text) * 1e3),
        explanation=f"{name} of the time from handler start to handler end over the last 5 minutes, "
        f"by consumer. Fewer than {LEAST_FINISHED} handlings are no alarm.",
    )


def _failures(options: DashboardOptions) -> tuple[Rule, ...]:
    threshold = options.health.unhealthy_threshold
    return (
        Rule(
            "dead-letters",
            "Dead letters arriving",
            "dead_letters",
            above=0,
            clear=0,
            unit="count",
            severity=WARNING,
            for_s=0,
            clear_s=0,
            page="recovery:dead-letters",
            explanation="Events given up by a consumer in the last 5 minutes.",
        ),
        Rule(
            "breaker-open",
            "Circuit breaker open",
            "breaker",
            above=0.5,
            clear=0,
            unit="state",
            severity=CRITICAL,
            for_s=0,
            clear_s=10,
            page="fleet:breakers",
            explanation="Calls are refused in at least one instance. A half-open breaker is still "
            "trying: it neither raises this nor resolves it.",
        ),
        Rule(
            "component-unhealthy",
            "Component unhealthy",
            "component",
            above=threshold - 1,
            clear=0,
            unit="count",
            severity=CRITICAL,
            for_s=0,
            clear_s=0,
            page="fleet:health",
            explanation=f"{threshold} unhealthy results in a row in at least one instance; one "
            "healthy result resolves it.",
        ),
        _above(
            "consumer-backlog",
            "Consumer backlog over limit",
            "backlog",
            float(options.scaling.message_backlog),
            unit="events",
            severity=WARNING,
            for_s=float(options.alerts.for_),
            page="fleet:consumers",
            explanation="Events that a consumer group has not finished: not delivered yet, or "
            "delivered and not acknowledged.",
        ),
    )


def _system(options: DashboardOptions) -> tuple[Rule, ...]:
    return (
        Rule(
            "ingest-stalled",
            "Ingest stalled",
            "ingest_stalled",
            above=0,
            clear=0,
            unit="state",
            severity=CRITICAL,
            for_s=15,
            clear_s=5,
            page="fleet:health",
            explanation="No worker of Eventscope reads the broker, so what the pages show is old. "
            "See that manage.py ingest runs and reaches broker and database.",
        ),
        _above(
            "ingest-lag",
            "Ingest behind the broker",
            "ingest_behind",
            float(options.alerts.lag) * 1000,
            unit="ms",
            severity=WARNING,
            for_s=30,
            page="fleet:health",
            explanation="How far what is stored lies behind what was appended to the broker.",
        ),
    )


def _above(name: str, title: str, metric: str, above: float, **rest: Any) -> Rule:
    return Rule(name, title, metric, above=above, clear=above * ROOM_FOR_CLEARING, **rest)


def _own(tables: Mapping[str, Mapping[str, Any]], key: str, read: Any) -> dict[str, float]:
    """Thresholds that ``[objectives.consumers.NAME]`` sets for ``key``; a bad one is left out."""
    found = {}
    for subject, table in tables.items():
        try:
            if key in table:
                found[subject] = float(read(table[key]))
        except (TypeError, ValueError, AttributeError):
            continue
    return found


def _share(value: Any) -> float:
    text = str(value).strip()
    return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
