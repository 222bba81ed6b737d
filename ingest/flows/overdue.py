"""Which open correlations lack a step that nearly always comes, and since when it is late. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.flows.counting import Place
from ingest.flows.index import StepIndex
from ingest.flows.joining import Joined, Kinds
from ingest.queries.flows import DAY_MS, Expectation

__all__ = ["ByStart", "Lacking", "count_instead", "find_lacking"]

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
ByStart = Mapping[str, Sequence[Expectation]]


class Lacking(NamedTuple):
    """One missing step a row: of which correlation, which of ``expected``, when it is late (ms), and
    the row of the event after which it should come."""

    group: I64
    step: I64
    due: I64
    parent: I64
    expected: list[Expectation]

    def overdue(self, watermark_ms: int) -> Lacking:
        """Those late by now, the one due first first."""
        rows = np.flatnonzero(self.due <= watermark_ms)
        return self.take(rows[np.argsort(self.due[rows], kind="stable")])

    def take(self, rows: npt.NDArray[np.intp] | Flags) -> Lacking:
        return Lacking(
            self.group[rows], self.step[rows], self.due[rows], self.parent[rows], self.expected
        )


def find_lacking(joined: Joined, kinds: Kinds, expected: ByStart) -> Lacking:
    """Every expected step that has not come although what it follows has; late or not yet. Where
    the flow went on another way from there, nothing lacks.

    ``expected`` is by starting type. The delay counts from the append of what it follows, since that
    and "now" are the broker's clock.
    """
    nothing = np.empty(0, np.int64)
    parts: list[tuple[I64, I64, I64, I64]] = [(nothing, nothing, nothing, nothing)]
    steps: list[Expectation] = []
    codes = {type: code for code, type in enumerate(kinds.types)}
    index = StepIndex(joined, len(codes))
    for one, parent, groups, rows in _without(joined, index, codes, expected):
        beside = np.zeros(len(codes), np.bool_)
        beside[[codes[type] for type in one.beside if type in codes]] = True
        kept = ~index.have_other_step(groups, parent, beside)
        groups, rows = groups[kept], rows[kept]
        due = joined.traces.appended[rows] + round(one.limit_ms)
        parts.append((groups, np.full(groups.size, len(steps)), due, rows))
        steps.append(one)
    group, step, late, row = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Lacking(group, step, late, row, steps)


def count_instead(
    joined: Joined, kinds: Kinds, expected: ByStart, chosen: Flags
) -> dict[Place, dict[str, int]]:
    """In how many of the ``chosen`` correlations each step came without an expected one after the
    same cause: by its place, by what did not come."""
    codes = {type: code for code, type in enumerate(kinds.types)}
    index = StepIndex(joined, len(codes))
    days = joined.traces.appended[joined.start] // DAY_MS
    found: dict[Place, dict[str, int]] = {}
    for one, parent, groups, _ in _without(joined, index, codes, expected):
        lacking = groups[chosen[groups]]
        here, types = index.steps_after(lacking, parent)
        start = joined.type[joined.start[here]]
        for group, type, code in zip(here.tolist(), types.tolist(), start.tolist(), strict=True):
            place = Place(int(days[group]), kinds.types[code], one.step.parent, kinds.types[type])
            counts = found.setdefault(place, {})
            counts[one.step.type] = counts.get(one.step.type, 0) + 1
    return found


def _without(
    joined: Joined, index: StepIndex, codes: Mapping[str, int], expected: ByStart
) -> Iterator[tuple[Expectation, int, I64, I64]]:
    """Of each expectation its cause's type, the correlations that have that but not the step, and the
    rows of the causes."""
    for start, some in expected.items():
        groups = np.flatnonzero(joined.type[joined.start] == codes.get(start, -1))
        for one in some:
            parent = codes.get(one.step.parent, -1)
            having, rows = index.having(groups, parent)
            lacking = ~index.have_step(having, parent, codes.get(one.step.type, -1))
            yield one, parent, having[lacking], rows[lacking]
