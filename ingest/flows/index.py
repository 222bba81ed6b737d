"""Which types, and which steps, each joined correlation has. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.flows.joining import Joined

__all__ = ["StepIndex"]

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class StepIndex:
    """Types are numbers below ``size``; -1 is a type that does not occur."""

    def __init__(self, joined: Joined, size: int) -> None:
        self._size = size
        types = joined.group * size + joined.type
        self._types, self._first = np.unique(types, return_index=True)
        further = np.arange(types.size) != joined.start[joined.group]
        parents = joined.type[joined.parent]
        steps = (joined.group * size + parents) * size + joined.type
        self._steps = np.unique(steps[further])

    def having(self, groups: I64, type: int) -> tuple[I64, I64]:
        """Those of ``groups`` that have ``type``, and the rows where it stands first."""
        if type < 0:
            return groups[:0], groups[:0]
        places, found = _seek(self._types, groups * self._size + type)
        return groups[found], self._first[places[found]]

    def have_step(self, groups: I64, parent: int, type: int) -> Flags:
        """Which of ``groups`` have ``type`` after ``parent``."""
        if parent < 0 or type < 0:
            return np.zeros(groups.size, np.bool_)
        return _seek(self._steps, (groups * self._size + parent) * self._size + type)[1]

    def have_other_step(self, groups: I64, parent: int, known: Flags) -> Flags:
        """Which of ``groups`` have after ``parent`` a type that is not among ``known`` (by number)."""
        ways = self._steps[~known[self._steps % self._size]] // self._size
        return _seek(ways, groups * self._size + parent)[1]

    def steps_after(self, groups: I64, parent: int) -> tuple[I64, I64]:
        """Every step after ``parent`` in ``groups``: the group and the type of each."""
        groups_of, ends = np.divmod(self._steps, self._size * self._size)
        chosen = (ends // self._size == parent) & np.isin(groups_of, groups)
        return groups_of[chosen], ends[chosen] % self._size


def _seek(ordered: I64, wanted: I64) -> tuple[I64, Flags]:
    """Where each stands in ``ordered``, and whether it does."""
    if not ordered.size:
        return np.zeros(wanted.size, np.int64), np.zeros(wanted.size, np.bool_)
    places = np.minimum(np.searchsorted(ordered, wanted), ordered.size - 1)
    return places, ordered[places] == wanted
