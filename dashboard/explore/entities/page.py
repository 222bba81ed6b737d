"""One entity as its page shows it at one step: the window of its history, the strip of its time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from dashboard.explore.entities.history import Place
from eventscope.stamps import format_ms

__all__ = ["MOST_TICKS", "WINDOW", "Tick", "Window", "draw_ticks", "moment_query", "window_of"]

WINDOW = 50
MOST_TICKS = 200


class Window(NamedTuple):
    """The steps ``first`` … ``last`` of all; ``newer`` and ``older`` begin the neighbours, None at an end."""

    first: int
    last: int
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment with events on the strip: ``x`` in percent; ``tone`` marks what is odd there."""

    x: float
    tone: str
    passed: bool


def window_of(steps: int, chosen: int, first: int | None = None, *, size: int = WINDOW) -> Window:
    """The steps to list: from ``first`` on, else around the chosen one."""
    most = max(1, steps - size + 1)
    begin = chosen - size // 2 if first is None else first
    begin = min(max(begin, 1), most)
    last = min(begin + size - 1, steps)
    newer = last + 1 if last < steps else None
    return Window(begin, last, newer, max(1, begin - size) if begin > 1 else None)


def moment_query(places: Sequence[Place], step: int) -> str:
    """The query string of a step: its moment, and its event where several came in that moment.

    Step 0 has no moment: it is told by its number.
    """
    if not step:
        return "step=0"
    known_ms = places[step - 1].known_ms
    alone = step == len(places) or places[step].known_ms > known_ms
    return urlencode({"at": format_ms(known_ms)}) if alone else f"step={step}"


def draw_ticks(places: Sequence[Place], odd: Sequence[str], step: int) -> list[Tick]:
    """Places by time from left to right; those too near to be told apart are one, as odd as the worst.

    ``odd`` tells of each place "", "warn" or "bad".
    """
    if not places:
        return []
    begin, end = places[0].known_ms, places[-1].known_ms
    span = max(end - begin, 1)
    ticks: dict[int, Tick] = {}
    for number, (place, tone) in enumerate(zip(places, odd, strict=True), 1):
        slot = round((place.known_ms - begin) / span * MOST_TICKS)
        before = ticks.get(slot)
        worst = max(tone, before.tone if before else "", key=("", "warn", "bad").index)
        passed = number <= step or bool(before and before.passed)
        ticks[slot] = Tick(round(slot / MOST_TICKS * 100, 2), worst, passed)
    return list(ticks.values())
