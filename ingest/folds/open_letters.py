"""Which events have open dead letters, remembered for a moment: every receipt asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ingest.models import DeadLetter

__all__ = ["MOST_REMEMBERED", "OpenLetters", "remembered"]

MOST_REMEMBERED = 20_000
_CHUNK = 500
_FEW = 1_000


class OpenLetters:
    """Few open letters are read each time. Many are remembered for ``fresh`` seconds, those of this
    worker added at once: a redrive takes longer, so a letter of another worker is known in time.
    With more than `MOST_REMEMBERED` the table is asked about the events of each batch instead.
    """

    def __init__(self, *, fresh: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._fresh = fresh
        self._clock = clock
        self._ids: set[str] = set()
        self._too_many = False
        self._read_at = float("-inf")

    def add(self, event_ids: Iterable[str]) -> None:
        self._ids.update(event_ids)

    def among(self, event_ids: Iterable[str]) -> set[str]:
        """Those of ``event_ids`` that may have an open letter; mostly there are none, and they are not looked at."""
        now = self._clock()
        if len(self._ids) <= _FEW or now - self._read_at >= self._fresh:
            self._read(now)
        if self._too_many:
            return _ask(event_ids)
        return self._ids.intersection(event_ids) if self._ids else set()

    def _read(self, now: float) -> None:
        rows = DeadLetter.objects.filter(status=DeadLetter.Status.OPEN)
        found = list(rows.values_list("event_id", flat=True)[: MOST_REMEMBERED + 1])
        self._too_many = len(found) > MOST_REMEMBERED
        self._ids = set() if self._too_many else set(found)
        self._read_at = now


def _ask(event_ids: Iterable[str]) -> set[str]:
    ids = sorted(set(event_ids))
    found: set[str] = set()
    for begin in range(0, len(ids), _CHUNK):
        rows = DeadLetter.objects.filter(
            event_id__in=ids[begin : begin + _CHUNK], status=DeadLetter.Status.OPEN
        )
        found.update(rows.values_list("event_id", flat=True))
    return found


remembered = OpenLetters()
"""The memory of this process."""
