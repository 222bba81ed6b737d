"""What a Spring actuator tells of Resilience4j's breakers: ``circuitbreakers`` and ``circuitbreakerevents``. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import orjson

from ingest.envelopes.breaker_shapes import breaker_change_of
from ingest.folds.breakers import BreakerKey, BreakerState, Change, map_state
from ingest.folds.text import bounded, whole
from ingest.options import ActuatorOptions
from ingest.records import Position
from ingest.timestamps import parse_ms

__all__ = ["NotUnderstood", "Polled", "changes_since", "read_events", "read_states"]

MOST_BREAKERS = 500
MOST_EVENTS = 1_000
_NOWHERE = Position(0, 0)


class NotUnderstood(ValueError):
    """The answer is not that of the actuator's endpoint."""


class Polled(NamedTuple):
    """A breaker as it stands. ``error_rate`` None: too few calls to say."""

    name: str
    state: str
    error_rate: float | None
    failed: int


def read_states(body: bytes) -> list[Polled]:
    """The answer of ``circuitbreakers``. Raises `NotUnderstood`."""
    found = _object(body, "circuitBreakers", dict)
    return [
        Polled(
            bounded(name, 200),
            map_state(str(told.get("state", ""))),
            _share(told.get("failureRate")),
            _count(told.get("failedCalls")),
        )
        for name, told in list(found.items())[:MOST_BREAKERS]
        if name and isinstance(told, dict)
    ]


def read_events(body: bytes, actuator: ActuatorOptions, *, now_ms: int) -> list[Change]:
    """Changes of state in the answer of ``circuitbreakerevents``. Raises `NotUnderstood`.

    What is said to be to come happens now: clocks differ.
    """
    found = _object(body, "circuitBreakerEvents", list)
    return [
        change
        for event in found[-MOST_EVENTS:]
        if (change := _change(event, actuator, now_ms)) is not None
    ]


def changes_since(
    polled: list[Polled],
    events: list[Change],
    seen: Mapping[BreakerKey, int],
    actuator: ActuatorOptions,
    *,
    now_ms: int,
) -> Iterator[Change]:
    """What is new since each breaker was last ``seen`` (ms), and how each stands now."""
    yield from (one for one in events if one.after.since_ms > seen.get(one.key, 0))
    for one in polled:
        after = BreakerState(
            one.state, now_ms, now_ms, failure_count=one.failed, error_rate=one.error_rate
        )
        key = BreakerKey(one.name, actuator.service, actuator.place)
        yield Change(key, "", after, 0, _NOWHERE)


def _change(event: Any, actuator: ActuatorOptions, now_ms: int) -> Change | None:
    told = breaker_change_of(event)
    at_ms = parse_ms(str(event.get("creationTime")).partition("[")[0]) if told else None
    if told is None or at_ms is None:
        return None
    at_ms = min(at_ms, now_ms)
    after = BreakerState(
        map_state(told.to), at_ms, at_ms, reason=bounded(told.reason, 1_000), latency_ms=None
    )
    key = BreakerKey(bounded(told.name, 200), actuator.service, actuator.place)
    return Change(key, map_state(told.from_), after, 0, _NOWHERE)


def _object(body: bytes, name: str, kind: type) -> Any:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotUnderstood(f"no JSON: {error}") from error
    found = told.get(name) if isinstance(told, dict) else None
    if not isinstance(found, kind):
        raise NotUnderstood(f"JSON without {name}; is it the actuator of Resilience4j?")
    return found


def _share(text: Any) -> float | None:
    """``"12.5%"`` as a share; Resilience4j writes ``"-1.0%"`` for too few calls."""
    try:
        share = msgspec.convert(str(text).removesuffix("%"), float, strict=False) / 100
    except msgspec.ValidationError:
        return None
    return share if 0 <= share <= 1 else None


def _count(value: Any) -> int:
    return whole(value) if isinstance(value, int) else 0
