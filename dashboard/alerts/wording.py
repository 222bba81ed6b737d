"""Alerts in words: pure."""

from __future__ import annotations

from collections.abc import Callable

from dashboard.alerts.evaluate import Observation
from dashboard.alerts.rules import Rule

__all__ = ["format_value", "summarise"]


def summarise(rule: Rule, observation: Observation) -> str:
    """One sentence: what is the matter, how much, and against what."""
    subject = observation.subject
    value = format_value(observation.value, rule.unit)
    limit = format_value(rule.threshold(subject), rule.unit)
    told = f" ({observation.detail})" if observation.detail else ""
    sentence = SENTENCES.get(rule.metric, "{title}: {value}, limit {limit}")
    text = sentence.format(title=rule.title, subject=subject, value=value, limit=limit)
    return (text + told)[:1000]


def format_value(value: float | None, unit: str) -> str:
    """A rule's value with its unit: ``2.3%``, ``340 ms``, ``12.5 s``, ``1,234``."""
    if value is None:
        return "unknown"
    return _FORMATS.get(unit, _count)(value)


SENTENCES = {
    "error_rate": "{value} of {subject}'s handlings fail, objective {limit}",
    "latency_p95": "p95 of {subject} is {value}, objective {limit}",
    "latency_p99": "p99 of {subject} is {value}, objective {limit}",
    "throughput": "{value} published, planned for {limit} at most",
    "dead_letters": "{value} given up by {subject} in the last 5 minutes",
    "breaker": "{subject} refuses calls",
    "component": "{subject} failed {value} checks in a row",
    "backlog": "{value} events wait for {subject}, limit {limit}",
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
}
