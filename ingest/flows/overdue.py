"""Which open correlations lack a step that nearly always comes, since when it is late. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.flows.joining import Joined, Kinds
from ingest.queries.flows import Expectation

__all__ = ["Lacking", "find_lacking"]

I64 = npt.NDArray[np.int64]


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

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Lacking:
        return Lacking(
            self.group[rows], self.step[rows], self.due[rows], self.parent[rows], self.expected
        )


def find_lacking(
    joined: Joined, kinds: Kinds, expected: Mapping[str, Sequence[Expectation]]
) -> Lacking:
    """Every expected step that has not come although what it follows has; late or not yet.

    ``expected`` is by starting type. The delay counts from the append of what it follows, since that
    and "now" are the broker's clock.
    """
    index = _Index(joined, len(kinds.types))
    codes = {type: code for code, type in enumerate(kinds.types)}
    nothing = np.empty(0, np.int64)
    parts: list[tuple[I64, I64, I64, I64]] = [(nothing, nothing, nothing, nothing)]
    steps: list[Expectation] = []
    for start, some in expected.items():
        if start not in codes:
            continue
        groups = np.flatnonzero(joined.type[joined.start] == codes[start])
        for one in some:
            if one.step.parent not in codes:
                continue
            lacking, parents = index.lacking(
                groups, codes[one.step.parent], codes.get(one.step.type, -1)
            )
            due = joined.traces.appended[parents] + round(one.limit_ms)
            parts.append((lacking, np.full(lacking.size, len(steps)), due, parents))
            steps.append(one)
    group, step, late, parent = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Lacking(group, step, late, parent, steps)


class _Index:
    """Which types, and which steps, a correlation has."""

    def __init__(self, joined: Joined, size: int) -> None:
        self._size = size
        types = joined.group * size + joined.type
        self._types, self._first = np.unique(types, return_index=True)
        further = np.arange(types.size) != joined.start[joined.group]
        parents = joined.type[joined.parent]
        steps = (joined.group * size + parents) * size + joined.type
        self._steps = np.unique(steps[further])

    def lacking(self, groups: I64, parent: int, type: int) -> tuple[I64, I64]:
        """Those of ``groups`` that have ``parent`` but no ``type`` after it; the first parents' rows."""
        places, found = _seek(self._types, groups * self._size + parent)
        groups, rows = groups[found], self._first[places[found]]
        if type < 0:
            return groups, rows
        wanted = (groups * self._size + parent) * self._size + type
        there = _seek(self._steps, wanted)[1]
        return groups[~there], rows[~there]


def _seek(ordered: I64, wanted: I64) -> tuple[I64, npt.NDArray[np.bool_]]:
    """Where each stands in ``ordered``, and whether it does."""
    if not ordered.size:
        return np.zeros(wanted.size, np.int64), np.zeros(wanted.size, np.bool_)
    places = np.minimum(np.searchsorted(ordered, wanted), ordered.size - 1)
    return places, ordered[places] == wanted
