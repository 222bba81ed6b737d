"""The built-in rules, made of the guide's numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dashboard.alerts.rule import CRITICAL, ROOM_FOR_CLEARING, WARNING, Question, Rule
from dashboard.alerts.shares import read_share
from dashboard.measures import WINDOW_S
from dashboard.options import DashboardOptions
from eventscope.durations import parse_duration

__all__ = ["CRITICAL", "WARNING", "WINDOW_S", "Question", "Rule", "built_in_rules"]

LEAST_FINISHED = 100
LEAST_BURNT = 1_000
"""Handlings in the long window before its burn says anything."""


def built_in_rules(options: DashboardOptions) -> tuple[Rule, ...]:
    """Every rule that comes with Eventscope, in the order in which they are explained; not all are on."""
    if not options.alerts.enabled:
        return ()
    return (
        *_objectives(options),
        *_burns(),
        *_failures(options),
        *_system(options),
        *_not_on(),
    )


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
            overrides=_own(goals.consumers, "error_rate", read_share),
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


def _burns() -> Iterator[Rule]:
    """The factors of the SRE workbook: 2 % of a month's budget in an hour, 5 % in six, 10 % in three days."""
    told = (
        ("fast", "burn_1h", 14.4, CRITICAL, "1 hour and in the last 5 minutes"),
        ("steady", "burn_6h", 6.0, CRITICAL, "6 hours and in the last 30 minutes"),
        ("slow", "burn_3d", 1.0, WARNING, "3 days and in the last 6 hours"),
    )
    for name, metric, factor, severity, words in told:
        yield _above(
            f"burn-{name}",
            f"Error budget burns {factor:g}× too fast",
            metric,
            factor,
            unit="times",
            severity=severity,
            for_s=0,
            minimum=LEAST_BURNT,
            page="alerts:budgets",
            explanation=f"An objective's error budget was used {factor:g} times faster than allowed in the "
            f"last {words}. Fewer than {LEAST_BURNT:,} handlings are no alarm.",
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


def _not_on() -> Iterator[Rule]:
    """Worth watching in many houses and noise in others: off until an admin turns them on."""
    told = (
        (
            "stuck-flows", "Flows are stuck", "stuck_flows", 0.0, "count", "explore:flows",
            "Correlations in which a step that nearly always comes is overdue.",
        ),
        (
            "type-silent", "An event type is silent", "absence", 3.0, "times", "explore:catalog",
            "No event of the type for three times as long as its longest pause of the last day.",
        ),
        (
            "clock-slow", "A source's clock is slow", "clock_skew", 5_000.0, "ms", "live:overview",
            "Even its fastest events reach the broker seconds after their own timestamp.",
        ),
        (
            "schema-changed", "A schema changed", "schema_changes", 0.0, "count", "explore:catalog",
            "A new version, or a field that appeared or is gone, in the last hour.",
        ),
    )  # fmt: skip
    for name, title, metric, limit, unit, page, explanation in told:
        yield _above(
            name,
            title,
            metric,
            limit,
            unit=unit,
            severity=WARNING,
            page=page,
            explanation=explanation,
            enabled=False,
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
