"""What a look at a component found, and what that does to its standing: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ingest.folds.health_words import DEGRADED, HEALTHY, UNHEALTHY, UNKNOWN

__all__ = [
    "DEGRADED",
    "HEALTHY",
    "UNHEALTHY",
    "UNKNOWN",
    "Standing",
    "Verdict",
    "next_standing",
]


@dataclass(frozen=True)
class Verdict:
    """One look at one component. ``checks``: name, status, latencyMs, output of its parts."""

    status: str
    latency_ms: float | None = None
    output: str = ""
    checks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Standing:
    """What is kept of a component between looks."""

    status: str = UNKNOWN
    since_ms: int = 0
    failures: int = 0


def next_standing(before: Standing, status: str, *, threshold: int, now_ms: int) -> Standing:
    """An unhealthy result makes it degraded first, unhealthy when ``threshold`` came in a row."""
    failures = before.failures + 1 if status == UNHEALTHY else 0
    if status == UNHEALTHY and failures < threshold:
        status = DEGRADED
    since_ms = before.since_ms if status == before.status and before.since_ms else now_ms
    return Standing(status, since_ms, failures)
