"""What a rule does to letters, as sentences: the guide's ``errorHandlers`` and a few more. Pure.

``notify-admin`` · ``log`` · ``redrive after 5m up to 3`` · ``discard after 7d`` ·
``hold while breaker NAME is open``
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eventscope.durations import DurationError, format_duration, parse_duration
from eventscope.errors import EventscopeError

__all__ = [
    "MOST_STEPS",
    "Hold",
    "Rule",
    "Step",
    "StepError",
    "due_before_ms",
    "read_rule",
    "read_step",
]

MOST_STEPS = 10
MOST_REDRIVES = 20
LONGEST_WAIT_S = 90 * 86_400
_REDRIVE = re.compile(r"redrive after (\S+) up to (\d{1,3})")
_DISCARD = re.compile(r"discard after (\S+)")
_HOLD = re.compile(r"hold while breaker (\S{1,200}) is open")


class StepError(EventscopeError, ValueError):
    """A sentence is none that a rule knows; the message says which there are."""


@dataclass(frozen=True)
class Step:
    """``kind`` is notify-admin, log, redrive or discard; ``wait_s`` counts from when a letter arrived.

    The k-th redrive waits twice as long as the one before; there are ``most`` of an event.
    """

    kind: str
    wait_s: float = 0.0
    most: int = 0

    @property
    def name(self) -> str:
        """Tells the steps of a rule apart in what has fired; without the waiting, which may be changed."""
        return self.kind

    def __str__(self) -> str:
        if self.kind == "redrive":
            return f"redrive after {format_duration(self.wait_s)} up to {self.most}"
        return (
            f"discard after {format_duration(self.wait_s)}" if self.kind == "discard" else self.kind
        )


@dataclass(frozen=True)
class Hold:
    """Redrives wait as long as this breaker is open."""

    breaker: str

    def __str__(self) -> str:
        return f"hold while breaker {self.breaker} is open"


@dataclass(frozen=True)
class Rule:
    """What is done in which order, and what holds it up."""

    steps: tuple[Step, ...]
    holds: tuple[Hold, ...]

    @property
    def texts(self) -> list[str]:
        return [str(one) for one in (*self.steps, *self.holds)]


def read_rule(texts: Iterable[str]) -> Rule:
    """Raises `StepError` naming the sentence, and for none, for twins, for a hold without a redrive."""
    read = [read_step(text) for text in texts if text.strip()]
    steps = tuple(one for one in read if isinstance(one, Step))
    holds = tuple(one for one in read if isinstance(one, Hold))
    kinds = [step.kind for step in steps]
    if not steps:
        raise StepError("a rule does at least one thing")
    if len(read) > MOST_STEPS:
        raise StepError(f"a rule has at most {MOST_STEPS} lines")
    if len(set(kinds)) < len(kinds):
        raise StepError(f"{_twin(kinds)} stands twice")
    if holds and "redrive" not in kinds:
        raise StepError("only redrives are held, and there is none")
    return Rule(steps, holds)


def read_step(text: str) -> Step | Hold:
    """Raises `StepError`."""
    told = " ".join(text.split())
    if told in ("notify-admin", "log"):
        return Step(told)
    if match := _REDRIVE.fullmatch(told):
        most = int(match.group(2))
        if not 1 <= most <= MOST_REDRIVES:
            raise StepError(f"{told!r}: up to 1 to {MOST_REDRIVES} times")
        return Step("redrive", _wait(told, match.group(1)), most)
    if match := _DISCARD.fullmatch(told):
        return Step("discard", _wait(told, match.group(1)))
    if match := _HOLD.fullmatch(told):
        return Hold(match.group(1))
    raise StepError(
        f"{told[:80]!r} is not known; write notify-admin, log, redrive after 5m up to 3, "
        "discard after 7d, or hold while breaker NAME is open"
    )


def due_before_ms(step: Step, redrives: int, now_ms: int) -> int | None:
    """Letters of events that were put back ``redrives`` times are due if they arrived before this; None: never."""
    if step.kind == "redrive":
        if redrives >= step.most:
            return None
        return now_ms - int(step.wait_s * 1000) * 2**redrives
    return now_ms - int(step.wait_s * 1000)


def _wait(told: str, text: str) -> float:
    try:
        seconds = parse_duration(text)
    except DurationError as error:
        raise StepError(f"{told[:80]!r}: {error}") from error
    if not 1 <= seconds <= LONGEST_WAIT_S:
        raise StepError(f"{told[:80]!r}: wait from 1s to {format_duration(LONGEST_WAIT_S)}")
    return seconds


def _twin(kinds: Sequence[str]) -> str:
    return next(kind for kind in kinds if kinds.count(kind) > 1)
