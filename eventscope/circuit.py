"""The circuit breaker as a pure state machine: circuit, time and what happened in, circuit out.

Steps:

1. closed: calls pass; a success sets the row of failures to 0, a failure adds to it
2. closed → open: the row reaches ``failure_threshold``
3. open: no call passes until ``reset_timeout`` is over
4. open → half-open: the first call after that passes, as the probe; all others are refused
5. half-open → closed: the probe succeeded
6. half-open → open: the probe failed, or did not end within ``half_open_timeout``
7. a probe that was given up (cancelled) says nothing; the next call is the probe
8. forced open and disabled are set and ended by hand; nothing passes, or everything does

The outcome of a call counts only in the state in which the call began (`Circuit.epoch`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from eventscope.durations import format_duration

__all__ = [
    "Circuit",
    "CircuitSettings",
    "State",
    "abandon",
    "admit",
    "expire",
    "fail",
    "force",
    "succeed",
    "wait_left",
]


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    DISABLED = "disabled"


class CircuitSettings(NamedTuple):
    """The guide's numbers; seconds."""

    failure_threshold: int = 5
    reset_timeout: float = 60.0
    half_open_timeout: float = 30.0


class Circuit(NamedTuple):
    """``failures`` in a row, ``since`` when the state holds, ``reason`` why it was entered."""

    state: State = State.CLOSED
    failures: int = 0
    since: float = 0.0
    probing: bool = False
    epoch: int = 0
    reason: str = ""


def admit(circuit: Circuit, settings: CircuitSettings, now: float) -> tuple[Circuit, bool]:
    """Whether a call that begins now may pass (steps 1, 3, 4, 8)."""
    circuit = expire(circuit, settings, now)
    if circuit.state is State.OPEN and now - circuit.since >= settings.reset_timeout:
        reason = f"reset timeout of {format_duration(settings.reset_timeout)} is over"
        circuit = _enter(circuit, State.HALF_OPEN, now, reason)
    if circuit.state is State.HALF_OPEN:
        if circuit.probing:
            return circuit, False
        return circuit._replace(probing=True, since=now), True
    return circuit, circuit.state in (State.CLOSED, State.DISABLED)


def expire(circuit: Circuit, settings: CircuitSettings, now: float) -> Circuit:
    """Give up a probe that takes too long (step 6)."""
    overdue = circuit.probing and now - circuit.since >= settings.half_open_timeout
    if circuit.state is not State.HALF_OPEN or not overdue:
        return circuit
    limit = format_duration(settings.half_open_timeout)
    return _enter(circuit, State.OPEN, now, f"the probe did not end within {limit}")


def succeed(circuit: Circuit, epoch: int, now: float) -> Circuit:
    """A call that began in ``epoch`` went well (steps 1, 5)."""
    if epoch != circuit.epoch:
        return circuit
    if circuit.state is State.HALF_OPEN:
        return _enter(circuit, State.CLOSED, now, "the probe succeeded")._replace(failures=0)
    return circuit._replace(failures=0)


def fail(
    circuit: Circuit, settings: CircuitSettings, epoch: int, now: float, error: str = ""
) -> Circuit:
    """A call that began in ``epoch`` failed (steps 1, 2, 6)."""
    if epoch != circuit.epoch:
        return circuit
    circuit = circuit._replace(failures=circuit.failures + 1)
    because = f": {error}" if error else ""
    if circuit.state is State.HALF_OPEN:
        return _enter(circuit, State.OPEN, now, f"the probe failed{because}")
    if circuit.state is State.CLOSED and circuit.failures >= settings.failure_threshold:
        reason = f"{circuit.failures} failures in a row{because}"
        return _enter(circuit, State.OPEN, now, reason)
    return circuit


def abandon(circuit: Circuit, epoch: int) -> Circuit:
    """A call that began in ``epoch`` was given up without an outcome (step 7)."""
    return circuit._replace(probing=False) if epoch == circuit.epoch else circuit


def force(circuit: Circuit, state: State, now: float, reason: str) -> Circuit:
    """Set the state by hand (step 8); the same state again changes nothing."""
    if circuit.state is state:
        return circuit
    return _enter(circuit, state, now, reason)._replace(failures=0)


def wait_left(circuit: Circuit, settings: CircuitSettings, now: float) -> float:
    """Seconds until a refused call may be tried again; infinite when forced open."""
    if circuit.state is State.FORCED_OPEN:
        return float("inf")
    limits = {State.OPEN: settings.reset_timeout, State.HALF_OPEN: settings.half_open_timeout}
    return max(0.0, circuit.since + limits.get(circuit.state, 0.0) - now)


def _enter(circuit: Circuit, state: State, now: float, reason: str) -> Circuit:
    return circuit._replace(
        state=state, since=now, probing=False, epoch=circuit.epoch + 1, reason=reason
    )
