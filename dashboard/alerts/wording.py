"""Alerts in words: pure."""

from __future__ import annotations

from collections.abc import Callable

from dashboard.alerts.readings import Observation
from dashboard.alerts.rule import BUILT_IN, Rule
from dashboard.measures import MEASURES

__all__ = ["condition_of", "format_value", "summarise"]


def summarise(rule: Rule, observation: Observation) -> str:
    """One sentence: what is the matter, how much, and against what."""
    subject = observation.subject
    told = f" ({observation.detail})" if observation.detail else ""
    text = _sentence(rule, observation).format(
        what=MEASURES[rule.metric].title if rule.metric in MEASURES else rule.title,
        subject=subject,
        value=format_value(observation.value, rule.unit),
        limit=format_value(rule.threshold(subject), rule.unit),
        objective="objective" if rule.origin == BUILT_IN else "limit",
    )
    return (text + told)[:1000]


def _sentence(rule: Rule, observation: Observation) -> str:
    if observation.value is None:
        return "{what} of {subject} cannot be measured"
    if rule.below is not None:
        return "{what} of {subject} is {value}, expected {limit} at least"
    return SENTENCES.get(rule.metric, "{what} of {subject} is {value}, limit {limit}")


def condition_of(rule: Rule) -> str:
    """``over 0.1%``, ``under 5 events/s``; "" where the metric is a state and says it all."""
    if rule.unit == "state":
        return ""
    side = "over" if rule.below is None else "under"
    return f"{side} {format_value(rule.limit, rule.unit)}"


def format_value(value: float | None, unit: str) -> str:
    """A rule's value with its unit: ``2.3%``, ``340 ms``, ``12.5 s``, ``1,234``."""
    if value is None:
        return "unknown"
    return _FORMATS.get(unit, _count)(value)


SENTENCES = {
    "error_rate": "{value} of {subject}'s handlings fail, {objective} {limit}",
    "latency_p95": "p95 of {subject} is {value}, {objective} {limit}",
    "latency_p99": "p99 of {subject} is {value}, {objective} {limit}",
    "throughput": "{value} published, planned for {limit} at most",
    "dead_letters": "{value} given up by {subject} in the last 5 minutes",
    "breaker": "{subject} refuses calls",
    "component": "{subject} failed {value} checks in a row",
    "backlog": "{value} events wait for {subject}, limit {limit}",
    "dead_letters_open": "{value} dead letters of {subject} wait for somebody",
    "retries": "{subject} tried {value} handlings again in the last 5 minutes",
    "backlog_clears": "At this pace {subject} needs {value} to clear its backlog, limit {limit}",
    "absence": "{subject} is silent for {value} its longest pause of the last day",
    "stuck_flows": "{value} flows that begin with {subject} are stuck",
    "clock_skew": "{subject}'s clock is {value} behind the broker's",
    "schema_changes": "The schema of {subject} changed, {value} changes in the last hour",
    "burn_1h": "The budget for {subject} burns {value} too fast",
    "burn_6h": "The budget for {subject} burns {value} too fast",
    "burn_3d": "The budget for {subject} burns {value} too fast",
    "ingest_stalled": "No worker reads the broker: what the pages show is old",
    "ingest_behind": "What is stored is {value} behind the broker, limit {limit}",
}


def _share(value: float) -> str:
    return f"{value * 100:.3g}%"


def _ms(value: float) -> str:
    if value < 1000:
        return f"{value:.3g} ms"
    return f"{value / 1000:,.3g} s" if value < 60_000 else f"{value / 60_000:,.1f} min"


def _state(value: float) -> str:
    return "open" if value > 0.5 else "half open" if value > 0 else "closed"


def _count(value: float) -> str:
    return f"{value:,.0f}"


_FORMATS: dict[str, Callable[[float], str]] = {
    "share": _share,
    "ms": _ms,
    "/s": lambda value: f"{value:,.0f} events/s",
    "state": _state,
    "times": lambda value: f"{value:.3g}×",
}
