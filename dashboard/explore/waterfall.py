"""Lines of a story to draw: positions in percent of its duration. Pure; the templates only print."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from dashboard.explore.outline import Fold, Line
from dashboard.explore.parts import FAILURES, Bar, Gap, Missing, Step, Story
from dashboard.explore.spending import Segment

__all__ = [
    "DEEPEST",
    "Drawn",
    "Lane",
    "Mark",
    "draw",
    "draw_density",
    "draw_gaps",
    "draw_segments",
    "ticks",
]

DEEPEST = 12
LEAST_WIDTH = 0.02
TICKS = 4
CELLS = 100
FOLD_CELLS = 50
DIGITS = 5


@dataclass(frozen=True, slots=True)
class Mark:
    """One rectangle; ``x`` and ``width`` are percents of the drawing's width."""

    x: float
    width: float
    kind: str
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of a drawing of density; ``height`` is in percent of the fullest."""

    x: float
    width: float
    height: float
    failed: float


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
class Drawn:
    """One line of the page; of ``step``, ``missing`` and ``fold`` one is there."""

    line: Line
    indent: int
    x: float
    offset_ms: int
    step: Step | None = None
    missing: Missing | None = None
    fold: Fold | None = None
    lanes: list[Lane] = field(default_factory=list)
    copies: list[float] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    share_percent: float = 0.0


def draw(story: Story, lines: Iterable[Line], failed: Collection[str] = ()) -> list[Drawn]:
    """Each line with its marks; ``failed`` are the ids of the events that did."""
    return [_drawn(story, line, failed) for line in lines]


def draw_gaps(story: Story) -> list[tuple[Mark, Gap]]:
    """The quiet stretches as shaded marks."""
    return [(_mark(story, gap.from_ms, gap.until_ms, "gap"), gap) for gap in story.gaps]


def draw_segments(story: Story, segments: Sequence[Segment]) -> list[tuple[Mark, Segment]]:
    """The stretches of the critical path, end to end."""
    return [(_mark(story, one.from_ms, one.until_ms, one.kind), one) for one in segments]


def draw_density(story: Story, outcomes: Mapping[str, str]) -> list[Cell]:
    """How many events there were when, for the map of a long story."""
    failed = {name for name, outcome in outcomes.items() if outcome in FAILURES}
    return _cells(story, story.steps, failed, CELLS)


def ticks(story: Story) -> list[tuple[float, float]]:
    """(percent, ms since the start) of the axis' lines."""
    return [
        (number * 100 / TICKS, number * story.duration_ms / TICKS) for number in range(TICKS + 1)
    ]


def _drawn(story: Story, line: Line, failed: Collection[str]) -> Drawn:
    row = line.row
    drawn = Drawn(
        line=line,
        indent=min(line.depth, DEEPEST),
        x=_percent(story, row.at_ms),
        offset_ms=row.at_ms - story.started_ms,
    )
    if isinstance(row, Step):
        drawn.step = row
        drawn.lanes = _lanes(story, row)
        drawn.copies = [_percent(story, max(row.at_ms, copy.appended_ms)) for copy in row.copies]
        drawn.share_percent = round(row.share * 100, 1)
    elif isinstance(row, Fold):
        drawn.fold = row
        drawn.cells = _cells(story, row.steps, failed, FOLD_CELLS)
    else:
        drawn.missing = row
    return drawn


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
    """A handling is never nothing, so that its outline is seen; waiting may be."""
    x = _percent(story, start)
    width = max(0.0, _percent(story, end) - x)
    if bar is not None:
        width = max(width, LEAST_WIDTH)
        x = min(x, 100 - width)
    return Mark(x=round(x, DIGITS), width=round(width, DIGITS), kind=kind, bar=bar)


def _cells(story: Story, steps: Sequence[Step], failed: Collection[str], count: int) -> list[Cell]:
    """The columns that hold any event, of ``count`` from the story's start to its end."""
    counts: dict[int, list[int]] = {}
    for step in steps:
        number = min(count - 1, int(_percent(story, step.at_ms) * count / 100))
        both = counts.setdefault(number, [0, 0])
        both[0] += 1
        both[1] += step.event_id in failed
    most = max((many for many, _ in counts.values()), default=1)
    width = 100 / count
    return [
        Cell(round(number * width, DIGITS), width, 100 * many / most, 100 * bad / most)
        for number, (many, bad) in sorted(counts.items())
    ]


def _percent(story: Story, at_ms: int) -> float:
    if story.duration_ms <= 0:
        return 0.0
    return round(100 * (at_ms - story.started_ms) / story.duration_ms, DIGITS)
