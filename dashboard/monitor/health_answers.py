"""What a health endpoint's answer means: pure.

Understood are health+json (draft-inadarei-api-health-check), Spring Boot Actuator (with groups of
components, and the older shapes), MicroProfile Health, and ASP.NET Core's word, its documented JSON and that
of AspNetCore.HealthChecks.UI. Parts within parts are told as ``parent/child``. Of anything else the HTTP
status alone counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from dashboard.monitor.verdicts import Verdict
from ingest.folds.health_words import HEALTHY, RANK, UNHEALTHY, UNKNOWN, map_status
from ingest.timestamps import parse_timespan

__all__ = ["MOST_CHECKS", "read_health_answer"]

MOST_CHECKS = 50
LONGEST_NAME, LONGEST_OUTPUT = 200, 500
DEEPEST = 5
PARTS = ("checks", "components", "entries", "results", "details")
"""Where parts are: health+json and MicroProfile, Spring, HealthChecks.UI, ASP.NET, Spring Boot 2.0."""
STATUS = ("status", "outcome", "state")
WORDS = ("output", "description", "error", "exception", "message", "reason")
INSIDE = ("details", "data")
"""Where Spring and MicroProfile put the words of a part."""


def read_health_answer(code: int, body: bytes) -> Verdict:
    """HTTP status and body as a verdict; a body that says worse than the status is believed."""
    by_code = HEALTHY if 200 <= code < 400 else UNHEALTHY
    output = "" if by_code == HEALTHY else f"HTTP {code}"
    value = _read(body)
    said = _status(value)
    status = by_code if said is None else _worse(by_code, said)
    checks = list(_bounded(_parts(value, "", 0))) if isinstance(value, dict) else []
    own = _words(value) if isinstance(value, dict) and status != HEALTHY else ""
    return Verdict(status, output=": ".join(filter(None, (output, own))), checks=checks)


def _read(body: bytes) -> Any:
    """JSON, or a bare word; None for what is neither."""
    text = body.strip()
    if text[:1] in (b"{", b'"'):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
    return text.decode("ascii", "replace") if len(text) <= 32 else None


def _worse(by_code: str, said: str) -> str:
    """Who does not know how it is has answered all the same: that counts where the code says well."""
    if said == UNKNOWN:
        return UNKNOWN if by_code == HEALTHY else by_code
    return max(by_code, said, key=RANK.__getitem__)


def _status(value: Any) -> str | None:
    """In our words; None where nothing, or no word that is known, stands."""
    if isinstance(value, dict):
        told = (value.get(name) for name in STATUS)
        return next((found for one in told if (found := _status_word(one))), None)
    return _status_word(value)


def _status_word(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    status, note = map_status(value)
    return None if note else status


def _parts(value: Mapping[str, Any], above: str, depth: int) -> Iterator[dict[str, Any]]:
    """The parts of an answer and theirs, each before its own."""
    if depth == DEEPEST:
        return
    for name, part in _named_parts(value):
        place = f"{above}/{name}" if above else name
        yield _check(place, part)
        if isinstance(part, dict):
            yield from _parts(part, place, depth + 1)


def _named_parts(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Parts come as a list of {name, status}, or a mapping of name → one (or a list) of them.

    ``details`` may hold parts or words: a part is what has a status.
    """
    for key in PARTS:
        parts = value.get(key)
        if isinstance(parts, dict):
            for name, part in parts.items():
                for item in part if isinstance(part, list) else [part]:
                    if key != "details" or (_status(item) is not None and isinstance(item, dict)):
                        yield str(name), item
        elif isinstance(parts, list):
            yield from ((str(one.get("name", "")), one) for one in parts if isinstance(one, dict))


def _check(name: str, part: Any) -> dict[str, Any]:
    told = part if isinstance(part, dict) else {}
    return {
        "name": name[:LONGEST_NAME],
        "status": _status(part) or UNKNOWN,
        "latencyMs": _latency(name, told),
        "output": _words(told)[:LONGEST_OUTPUT],
    }


def _words(part: Mapping[str, Any]) -> str:
    """What it says of itself: its own words, else those among its details."""
    places = [part, *(part[name] for name in INSIDE if isinstance(part.get(name), dict))]
    told = (place.get(name) for place in places for name in WORDS)
    return next((one for one in told if isinstance(one, str) and one), "")


def _latency(name: str, part: Mapping[str, Any]) -> float | None:
    """health+json's ``responseTime`` in ms, HealthChecks.UI's ``duration`` as ``00:00:00.1096``."""
    value, unit = part.get("observedValue"), str(part.get("observedUnit", "")).lower()
    if name.endswith(":responseTime") and isinstance(value, (int, float)) and unit in ("", "ms"):
        return float(value)
    return parse_timespan(str(part.get("duration", "")))


def _bounded(checks: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for place, check in enumerate(checks):
        if place == MOST_CHECKS:
            return
        yield check
