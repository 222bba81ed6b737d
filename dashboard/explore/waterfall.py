"""A story as lines to draw: positions in percent of its duration. Pure; the templates only print."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from dashboard.explore.story import Bar, Gap, Missing, Step, Story

__all__ = ["DEEPEST", "Lane", "Line", "Mark", "draw", "draw_gaps", "ticks"]

DEEPEST = 12
LEAST_WIDTH = 0.4
TICKS = 4


@dataclass(frozen=True, slots=True)
class Mark:
    """One rectangle; ``x`` and ``width`` are percents of the drawing's width."""

    x: float
    width: float
    kind: str
    bar: Bar | None = None


@dataclass(slots=True)
class Lane:
    """All attempts of one consumer at one event."""

    consumer: str
    group: str
    outcome: str
    attempts: int
    bars: list[Bar]
    marks: list[Mark] = field(default_factory=list)
    queue_ms: int = 0
    processing_ms: float = 0.0
    errors: list[Bar] = field(default_factory=list)


@dataclass(slots=True)
class Line:
    """One row of the page: a step with its lanes, or a missing parent."""

    step: Step | None
    missing: Missing | None
    indent: int
    depth: int
    x: float
    offset_ms: int
    lanes: list[Lane] = field(default_factory=list)
    share_percent: float = 0.0


def draw(story: Story, *, first: int = 0, count: int | None = None) -> list[Line]:
    """The lines of ``count`` rows of ``story`` from row ``first`` on."""
    rows = story.rows[first:] if count is None else story.rows[first : first + count]
    return [_line(story, row) for row in rows]


def draw_gaps(story: Story) -> list[tuple[Mark, Gap]]:
    """The quiet stretches as shaded marks."""
    return [(_mark(story, gap.from_ms, gap.until_ms, "gap"), gap) for gap in story.gaps]


def ticks(story: Story) -> list[tuple[float, float]]:
    """(percent, ms since the start) of the axis' lines."""
    return [
        (number * 100 / TICKS, number * story.duration_ms / TICKS) for number in range(TICKS + 1)
    ]


def _line(story: Story, row: Step | Missing) -> Line:
    line = Line(
        step=row if isinstance(row, Step) else None,
        missing=row if isinstance(row, Missing) else None,
        indent=min(row.depth, DEEPEST),
        depth=row.depth,
        x=_percent(story, row.at_ms),
        offset_ms=row.at_ms - story.started_ms,
    )
    if isinstance(row, Step):
        line.lanes = _lanes(story, row)
        line.share_percent = round(row.share * 100, 1)
    return line


def _lanes(story: Story, step: Step) -> list[Lane]:
    grouped: dict[tuple[str, str], list[Bar]] = {}
    for bar in step.bars:
        grouped.setdefault((bar.handling.group, bar.handling.consumer), []).append(bar)
    return [_lane(story, step, bars) for bars in grouped.values()]


def _lane(story: Story, step: Step, bars: list[Bar]) -> Lane:
    last = max(bars, key=lambda bar: (bar.end_ms, bar.handling.attempt))
    marks = [_mark(story, step.at_ms, bars[0].start_ms, "queue")]
    for before, after in pairwise(bars):
        marks.append(_mark(story, before.end_ms, after.start_ms, "wait"))
    marks += [_mark(story, bar.start_ms, bar.end_ms, bar.handling.outcome, bar) for bar in bars]
    return Lane(
        consumer=last.handling.consumer,
        group=last.handling.group,
        outcome=last.handling.outcome,
        attempts=len(bars),
        bars=bars,
        marks=[mark for mark in marks if mark.width > 0],
        queue_ms=bars[0].queue_ms,
        processing_ms=sum(bar.processing_ms for bar in bars),
        errors=[bar for bar in bars if bar.handling.error_type or bar.handling.error_message],
    )


def _mark(story: Story, start: int, end: int, kind: str, bar: Bar | None = None) -> Mark:
    """A handling is at least a hair wide, so that it is seen; waiting may be nothing."""
    x = _percent(story, start)
    width = max(0.0, _percent(story, end) - x)
    if bar is not None:
        width = max(width, LEAST_WIDTH)
        x = min(x, 100 - width)
    return Mark(x=round(x, 3), width=round(width, 3), kind=kind, bar=bar)


def _percent(story: Story, at_ms: int) -> float:
    if story.duration_ms <= 0:
        return 0.0
    return round(100 * (at_ms - story.started_ms) / story.duration_ms, 3)
