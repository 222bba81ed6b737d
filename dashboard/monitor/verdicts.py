"""What a health endpoint's answer means, and what a result does to a component's standing: pure.

Understood are health+json (draft-inadarei-api-health-check), Spring Boot Actuator, MicroProfile
Health, ASP.NET Core's word or JSON; of anything else the HTTP status alone counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

__all__ = [
    "DEGRADED",
    "HEALTHY",
    "UNHEALTHY",
    "UNKNOWN",
    "Standing",
    "Verdict",
    "next_standing",
    "read_health_answer",
]

HEALTHY, DEGRADED, UNHEALTHY, UNKNOWN = "healthy", "degraded", "unhealthy", "unknown"
WORST = (HEALTHY, UNKNOWN, DEGRADED, UNHEALTHY)
WORDS = {
    HEALTHY: "pass ok up healthy green",
    DEGRADED: "warn warning degraded yellow",
    UNHEALTHY: "fail error down unhealthy out_of_service red",
    UNKNOWN: "unknown",
}
STATUS_OF = {word: status for status, words in WORDS.items() for word in words.split()}
MOST_CHECKS = 50
LONGEST_OUTPUT = 500


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


def read_health_answer(code: int, body: bytes) -> Verdict:
    """HTTP status and body as a verdict; a body that says worse than the status is believed."""
    by_code = HEALTHY if 200 <= code < 400 else UNHEALTHY
    output = "" if by_code == HEALTHY else f"HTTP {code}"
    told = _read_body(body)
    if told is None:
        return Verdict(by_code, output=output)
    said, checks = told
    status = max(by_code, said, key=WORST.index) if said else by_code
    return Verdict(status, output=output, checks=checks)


def _read_body(body: bytes) -> tuple[str | None, list[dict[str, Any]]] | None:
    text = body.strip()
    if text[:1] not in (b"{", b'"'):
        said = STATUS_OF.get(text[:32].decode("ascii", "replace").lower())
        return (said, []) if said else None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if isinstance(value, str):
        return STATUS_OF.get(value.lower()), []
    parts = value.get("checks") or value.get("components") or value.get("entries")
    return _status(value), _checks(parts or value.get("results") or value.get("details"))


def _status(value: Any) -> str | None:
    said = value.get("status") if isinstance(value, dict) else None
    return STATUS_OF.get(said.lower()) if isinstance(said, str) else None


def _checks(parts: Any) -> list[dict[str, Any]]:
    """Parts come as a list of {name, status}, or a mapping of name → one (or a list) of them."""
    found: list[dict[str, Any]] = []
    if isinstance(parts, dict):
        for name, value in parts.items():
            for item in value if isinstance(value, list) else [value]:
                found.append(_check(str(name), item))
    elif isinstance(parts, list):
        found = [
            _check(str(item.get("name", "")), item) for item in parts if isinstance(item, dict)
        ]
    return found[:MOST_CHECKS]


def _check(name: str, item: Any) -> dict[str, Any]:
    output = item.get("output") or item.get("description") or "" if isinstance(item, dict) else ""
    return {
        "name": name[:200],
        "status": _status(item) or UNKNOWN,
        "latencyMs": None,
        "output": str(output)[:LONGEST_OUTPUT],
    }
