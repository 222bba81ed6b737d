"""What health is told in: statuses, samples and what is kept of an instance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

__all__ = [
    "DEGRADED",
    "HEALTHY",
    "RANK",
    "UNHEALTHY",
    "UNKNOWN",
    "ComponentKey",
    "ComponentState",
    "HealthSample",
    "map_status",
    "worst_status",
]

HEALTHY, DEGRADED, UNHEALTHY, UNKNOWN = "healthy", "degraded", "unhealthy", "unknown"
RANK = {UNKNOWN: 0, HEALTHY: 1, DEGRADED: 2, UNHEALTHY: 3}
"""The worst of several speaks for all; who knows nothing speaks for nobody."""
_WORDS = {
    HEALTHY: "healthy ok up pass passing serving green alive",
    DEGRADED: "degraded warn warning yellow partial",
    UNHEALTHY: ("unhealthy down fail failed failing critical error red out_of_service not_serving"),
    UNKNOWN: "unknown service_unknown",
}
_MEANING = {word: status for status, words in _WORDS.items() for word in words.split()}


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


def worst_status(statuses: Iterable[str]) -> str:
    return max(statuses, key=lambda status: RANK.get(status, RANK[UNHEALTHY]), default=UNKNOWN)
