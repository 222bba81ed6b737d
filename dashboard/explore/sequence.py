"""A story as a sequence diagram: services and topics side by side, time downward. The layout is pure.

An event goes from its source to its topic and from there to each consumer; a further attempt is an arrow
from a consumer to itself, giving up one to the dead letters. Every arrow stands below those before it
in time, and below what caused it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from dashboard.explore.parts import ENDED_WELL, Bar, Step, Story

__all__ = ["Arrow", "Diagram", "Participant", "draw_sequence"]

ARROWS_AT_ONCE = 200
MOST_LANES = 24
"""So many lanes stay the same over all pages; where there are more a page has those of its own arrows."""
LANE_WIDTH = 176
LEFT = 150
TOP = 8
ROW_HEIGHT = 40
LOOP = 26
NO_SOURCE = "(no source)"
DEAD_LETTERS = "dead letters"

Kind = Literal["publish", "again", "deliver", "attempt", "give_up"]
_ORDER: dict[Kind, int] = {"publish": 0, "again": 1, "deliver": 2, "attempt": 3, "give_up": 4}


class Moment(NamedTuple):
    """One arrow before it is drawn; ``row`` is its event's place in the story, causes first."""

    at_ms: int
    row: int
    order: int
    kind: Kind
    step: Step
    start: tuple[str, str]
    end: tuple[str, str]
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Participant:
    kind: str
    name: str
    x: int


@dataclass(frozen=True, slots=True)
class Arrow:
    """``y`` is where it runs; ``path`` is its SVG line; ``offset_ms`` is after the story's start."""

    kind: Kind
    step: Step
    bar: Bar | None
    start: Participant
    end: Participant
    y: int
    path: str
    offset_ms: int
    tone: Literal["", "warn", "bad"]

    @property
    def text_x(self) -> int:
        """Where the label begins: over the arrow, or beside a loop."""
        if self.start is self.end:
            return self.start.x + LOOP + 8
        return min(self.start.x, self.end.x) + 10


@dataclass(frozen=True, slots=True)
class Diagram:
    """Arrows ``first`` … of ``total``."""

    participants: list[Participant]
    arrows: list[Arrow]
    first: int
    total: int
    width: int = 0
    height: int = 0


def draw_sequence(
    story: Story, *, first: int = -1, wanted: str = "", only: Collection[str] | None = None
) -> Diagram:
    """A page of arrows from ``first`` on, or, if that is negative, the one with the ``wanted`` event.

    ``only`` leaves out the events that are not in it.
    """
    moments = sorted(_moments(story, only), key=lambda moment: moment[:3])
    begin = first if first >= 0 else _page_of(moments, wanted)
    shown = moments[begin : begin + ARROWS_AT_ONCE]
    lanes = _lanes(moments)
    if len(lanes) > MOST_LANES:
        lanes = _lanes(shown)
    return Diagram(
        participants=list(lanes.values()),
        arrows=[_arrow(story, moment, row, lanes) for row, moment in enumerate(shown)],
        first=begin,
        total=len(moments),
        width=LEFT + LANE_WIDTH * max(1, len(lanes)),
        height=TOP + ROW_HEIGHT * (len(shown) + 1),
    )


def _lanes(moments: Sequence[Moment]) -> dict[tuple[str, str], Participant]:
    """A lane for everybody in ``moments``, from left to right as they come first."""
    names = dict.fromkeys(name for moment in moments for name in (moment.start, moment.end))
    return {
        name: Participant(*name, x=LEFT + LANE_WIDTH * place) for place, name in enumerate(names)
    }


def _moments(story: Story, only: Collection[str] | None) -> Iterator[Moment]:
    for row, step in enumerate(story.steps):
        if only is None or step.event_id in only:
            yield from _of_step(step, row)


def _of_step(step: Step, row: int) -> Iterator[Moment]:
    source = ("service", step.event.source or NO_SOURCE)
    topic = ("topic", step.event.topic)
    yield Moment(step.at_ms, row, _ORDER["publish"], "publish", step, source, topic)
    for copy in step.copies:
        at = max(step.at_ms, copy.appended_ms)
        yield Moment(at, row, _ORDER["again"], "again", step, source, ("topic", copy.topic))
    met: set[str] = set()
    for bar in step.bars:
        consumer = ("service", bar.handling.consumer)
        kind: Kind = "attempt" if bar.handling.consumer in met else "deliver"
        met.add(bar.handling.consumer)
        start = consumer if kind == "attempt" else topic
        yield Moment(bar.start_ms, row, _ORDER[kind], kind, step, start, consumer, bar)
        if bar.handling.outcome == "dead_lettered":
            end = ("topic", DEAD_LETTERS)
            yield Moment(bar.end_ms, row, _ORDER["give_up"], "give_up", step, consumer, end, bar)


def _page_of(moments: list[Moment], wanted: str) -> int:
    for number, moment in enumerate(moments):
        if moment.step.event_id == wanted:
            return number - number % ARROWS_AT_ONCE
    return 0


def _arrow(
    story: Story, moment: Moment, row: int, lanes: dict[tuple[str, str], Participant]
) -> Arrow:
    start, end = lanes[moment.start], lanes[moment.end]
    y = TOP + ROW_HEIGHT * (row + 1) - 8
    return Arrow(
        kind=moment.kind,
        step=moment.step,
        bar=moment.bar,
        start=start,
        end=end,
        y=y,
        path=_path(start.x, end.x, y),
        offset_ms=moment.at_ms - story.started_ms,
        tone=_tone(moment),
    )


def _path(start: int, end: int, y: int) -> str:
    """A straight line that ends before the lane's line, or a loop beside it."""
    if start == end:
        return f"M{start} {y - 12} h{LOOP} v12 h{-LOOP + 6}"
    return f"M{start} {y} H{end - 6 if end > start else end + 6}"


def _tone(moment: Moment) -> Literal["", "warn", "bad"]:
    if moment.kind == "again":
        return "warn"
    if moment.bar is None or moment.bar.handling.outcome in ENDED_WELL - {"retry"}:
        return ""
    return "warn" if moment.bar.handling.outcome == "retry" else "bad"
