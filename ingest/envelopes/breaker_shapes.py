"""Changes of circuit breakers as other libraries tell them, in our words. Pure.

Each shape is what the library documents, as the payload of a ``CircuitBreakerStateChanged``:

- Resilience4j: ``CircuitBreakerEventDTO`` of ``/actuator/circuitbreakerevents``
- Polly 8: the tags of its telemetry (``event.name``: ``OnCircuitOpened``, …), with the arguments' ``BreakDuration``
- pybreaker: what a listener's ``state_change(cb, old_state, new_state)`` is given
- Envoy: ``OutlierDetectionEvent``; a host that is ejected takes no calls, as behind an open breaker
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from ingest.system import BreakerChange
from ingest.timestamps import parse_timespan

__all__ = ["breaker_change_of"]

_POLLY = {
    "OnCircuitOpened": "open",
    "OnCircuitClosed": "closed",
    "OnCircuitHalfOpened": "half_open",
}
_ENVOY = {"EJECT": ("closed", "open"), "UNEJECT": ("open", "closed")}
Payload = Mapping[str, Any]


def breaker_change_of(payload: object) -> BreakerChange | None:
    """What ``payload`` tells, if it is a change of state in one of the shapes; else None."""
    if not isinstance(payload, dict):
        return None
    found = (read(payload) for read in _READERS)
    return next((change for change in found if change is not None and change.name), None)


def _resilience4j(payload: Payload) -> BreakerChange | None:
    if payload.get("type") != "STATE_TRANSITION":
        return None
    before, divided, after = _text(payload, "stateTransition").partition("_TO_")
    if not divided:
        return None
    return BreakerChange(
        name=_text(payload, "circuitBreakerName"),
        from_=before,
        to=after,
        service=_text(payload, "service"),
        instance=_text(payload, "instance"),
        latency_ms=_number(payload, "durationInMs"),
        reason=_text(payload, "errorMessage"),
    )


def _polly(payload: Payload) -> BreakerChange | None:
    state = _POLLY.get(_text(payload, "event.name"))
    if state is None:
        return None
    manual = payload.get("IsManual") is True and state == "open"
    reason = _text(payload, "exception.message") or _text(payload, "exception.type")
    return BreakerChange(
        name=_text(payload, "strategy.name"),
        to="isolated" if manual else state,
        service=_text(payload, "service") or _text(payload, "pipeline.name"),
        instance=_text(payload, "instance") or _text(payload, "pipeline.instance"),
        reset_timeout_ms=parse_timespan(_text(payload, "BreakDuration")) or 0.0,
        reason=reason or ("isolated by hand" if manual else ""),
    )


def _pybreaker(payload: Payload) -> BreakerChange | None:
    after = _text(payload, "new_state")
    if not after:
        return None
    return BreakerChange(
        name=_text(payload, "name"),
        from_=_text(payload, "old_state"),
        to=after,
        service=_text(payload, "service"),
        instance=_text(payload, "instance"),
        failure_count=int(_number(payload, "fail_counter") or 0),
        failure_threshold=int(_number(payload, "fail_max") or 0),
        reset_timeout_ms=(_number(payload, "reset_timeout") or 0) * 1000,
        reason=_text(payload, "reason"),
    )


def _envoy(payload: Payload) -> BreakerChange | None:
    """An ejection that is only logged (``enforced`` false) refuses nothing."""
    states = _ENVOY.get(_text(payload, "action").upper())
    if states is None or payload.get("enforced") is False:
        return None
    return BreakerChange(
        name=_text(payload, "cluster_name"),
        from_=states[0],
        to=states[1],
        service=_text(payload, "service") or "envoy",
        instance=_text(payload, "upstream_url"),
        failure_count=int(_number(payload, "num_ejections") or 0),
        reason=_text(payload, "type").lower().replace("_", " "),
    )


def _text(payload: Payload, name: str) -> str:
    value = payload.get(name)
    return value if isinstance(value, str) else ""


def _number(payload: Payload, name: str) -> float | None:
    """A JSON number, or one in a string, as protobuf writes its 64-bit ones."""
    value = payload.get(name)
    if isinstance(value, bool):
        return None
    try:
        number = float(value) if isinstance(value, (int, float, str)) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and isfinite(number) else None


_READERS: tuple[Callable[[Payload], BreakerChange | None], ...] = (
    _resilience4j,
    _polly,
    _pybreaker,
    _envoy,
)
