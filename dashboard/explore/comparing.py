"""Two stories side by side: which events answer to each other, and what differs. Pure.

Events answer to each other when their causal paths are alike: the same type and source, the how-manieth of
these below the same cause, whose path is alike in turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dashboard.explore.parts import FAILURES, Row, Step, Story

__all__ = ["Comparison", "Pair", "compare"]

SLOWER_LEAST_MS = 10
SLOWER_TIMES = 1.5
TOP = 0
MISSING = ("", "")

Difference = Literal["same", "missing", "extra", "failed", "mended", "slower", "faster"]


@dataclass(frozen=True, slots=True)
class Pair:
    """``here`` is of the story looked at, ``there`` of the other; one of them is there at least.

    ``missing`` is only there, ``extra`` only here; ``failed`` did so here alone, ``mended`` there alone.
    ``slower_ms`` is how much longer it took here from its cause until its last handling's end.
    """

    here: Step | None
    there: Step | None
    depth: int
    difference: Difference
    slower_ms: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """``duration_ms`` is of the longer story: the scale that both are drawn in."""

    pairs: list[Pair]
    counts: dict[Difference, int]
    duration_ms: int

    @property
    def differences(self) -> int:
        return sum(count for name, count in self.counts.items() if name != "same")


@dataclass(slots=True)
class _Paths:
    """A number for every causal path that either story has; ``children`` of each in order."""

    known: dict[tuple[int, str, str, int], int] = field(default_factory=dict)
    children: dict[int, list[int]] = field(default_factory=dict)

    def number(self, cause: int, name: tuple[str, str], ordinal: int, after: int) -> int:
        """The path's number; a new one takes its place behind its sibling ``after``, or at the front."""
        path = (cause, *name, ordinal)
        if path not in self.known:
            self.known[path] = len(self.known) + 1
            siblings = self.children.setdefault(cause, [])
            if siblings and siblings[-1] == after:
                siblings.append(self.known[path])
            else:
                siblings.insert(siblings.index(after) + 1 if after else 0, self.known[path])
        return self.known[path]


def compare(
    here: Story,
    there: Story,
    here_outcomes: Mapping[str, str],
    there_outcomes: Mapping[str, str],
) -> Comparison:
    """Pairs in causal order, what is only ``there`` where it would stand."""
    paths = _Paths()
    mine, theirs = _walk(here, paths), _walk(there, paths)
    my_times, their_times = _times(here), _times(there)
    pairs: list[Pair] = []
    counts: dict[Difference, int] = {}
    for path, depth in _in_order(paths):
        one, other = mine.get(path), theirs.get(path)
        if one is None and other is None:
            continue
        took = (my_times[one.event_id] if one else 0, their_times[other.event_id] if other else 0)
        failed = (_failed(one, here_outcomes), _failed(other, there_outcomes))
        difference = _difference(one, other, failed, took)
        slower = took[0] - took[1] if one and other else 0
        pairs.append(Pair(one, other, depth, difference, slower))
        counts[difference] = counts.get(difference, 0) + 1
    return Comparison(pairs, counts, max(here.duration_ms, there.duration_ms))


def _walk(story: Story, paths: _Paths) -> dict[int, Step]:
    """The events of ``story`` by the number of their causal path."""
    numbers: dict[str, int] = {}
    ordinals: dict[tuple[int, str, str], int] = {}
    latest: dict[int, int] = {}
    found: dict[int, Step] = {}
    for row in story.rows:
        cause = numbers.get(_cause(row), TOP)
        name = (row.event.event_type, row.event.source) if isinstance(row, Step) else MISSING
        ordinal = ordinals[cause, *name] = ordinals.get((cause, *name), 0) + 1
        number = paths.number(cause, name, ordinal, latest.get(cause, 0))
        latest[cause] = numbers[row.event_id] = number
        if isinstance(row, Step):
            found[number] = row
    return found


def _cause(row: Row) -> str:
    return row.parent if isinstance(row, Step) and row.state in ("child", "orphan") else ""


def _in_order(paths: _Paths) -> Iterator[tuple[int, int]]:
    """Every path with its depth, causes before effects."""
    stack = [(path, 0) for path in reversed(paths.children.get(TOP, []))]
    while stack:
        path, depth = stack.pop()
        yield path, depth
        stack += [(child, depth + 1) for child in reversed(paths.children.get(path, []))]


def _times(story: Story) -> dict[str, int]:
    """By event: ms from its cause until its last handling's end."""
    began = {row.event_id: row.at_ms for row in story.rows}
    return {
        step.event_id: step.end_ms - began.get(_cause(step), step.at_ms) for step in story.steps
    }


def _failed(step: Step | None, outcomes: Mapping[str, str]) -> bool:
    return step is not None and outcomes.get(step.event_id) in FAILURES


def _difference(
    here: Step | None, there: Step | None, failed: tuple[bool, bool], took: tuple[int, int]
) -> Difference:
    if here is None:
        return "missing"
    if there is None:
        return "extra"
    if failed[0] != failed[1]:
        return "failed" if failed[0] else "mended"
    if abs(took[0] - took[1]) < SLOWER_LEAST_MS:
        return "same"
    if took[0] >= took[1] * SLOWER_TIMES:
        return "slower"
    return "faster" if took[1] >= took[0] * SLOWER_TIMES else "same"
