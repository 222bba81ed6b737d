"""Event types that are silent for longer than usual: against the longest pause of the last day. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dashboard.alerts.readings import Observation

__all__ = ["DAY_MS", "Habit", "habits_of", "observe_absence"]

DAY_MS = 86_400_000
MINUTE_MS = 60_000
ENOUGH = 30
"""Minutes in which a type came, before anything is said of what is usual."""


@dataclass(frozen=True)
class Habit:
    """``pause_ms`` is the longest that a type paused; ``last_ms`` the end of the minute it last came in."""

    pause_ms: int
    last_ms: int


def habits_of(
    times_ms: Sequence[int], known: Sequence[bool], counts: Mapping[str, Sequence[int]]
) -> dict[str, Habit]:
    """By type, from counts a minute. A pause in which we did not look is none. Rare types are left out."""
    found = {}
    for type, counted in counts.items():
        came = [place for place, count in enumerate(counted) if count]
        if len(came) >= ENOUGH:
            pause = max(_pause(begin, end, known) for begin, end in pairwise(came))
            found[type] = Habit(max(1, pause) * MINUTE_MS, times_ms[came[-1]] + MINUTE_MS)
    return found


def _pause(begin: int, end: int, known: Sequence[bool]) -> int:
    """Minutes between two that it came in."""
    return end - begin - 1 if all(known[begin:end]) else 0


def observe_absence(
    habits: Mapping[str, Habit], came: Mapping[str, float], *, now_ms: int, known: bool
) -> list[Observation]:
    """How many times longer than usual each type is silent; ``came`` counts it in the last minutes."""
    return [
        Observation(
            "absence",
            type,
            None if not known else _times(habit, now_ms) if not came.get(type) else 0.0,
            labels={"type": type},
        )
        for type, habit in habits.items()
    ]


def _times(habit: Habit, now_ms: int) -> float:
    return max(0, now_ms - habit.last_ms) / habit.pause_ms
