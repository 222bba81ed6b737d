"""Scanning by filter: blocks newest (or oldest) first, merged row by row into one order.

Blocks may overlap in time (several workers, catching up). A row is given out once no block that is
not loaded yet can hold one before it. Candidates come in two kinds: blocks that reach over the
moment where the scan starts, and those wholly beyond it, in index order.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.store.base import PAGE_BYTES, Cursor, EventFilter, Page, StoredEvent
from ingest.store.candidates import NOTHING, Candidate, Range, blocks_beyond, blocks_holding
from ingest.store.globs import FilterNames, SeriesChoice
from ingest.store.proof import Decoder, true_names
from ingest.store.reading import BlockReader, LoadedBlock
from ingest.store.series import OVERFLOW

__all__ = ["MAX_BLOCKS", "MAX_FRAMES", "scan_events"]

MAX_BLOCKS = 500
MAX_FRAMES = 300
_ENDLESS = (1 << 63) - 1


class _Row(NamedTuple):
    block: LoadedBlock
    row: int


def scan_events(
    where: EventFilter,
    *,
    after: Cursor | None,
    limit: int,
    newest_first: bool,
    reader: BlockReader,
    decode: Decoder,
) -> Page:
    """One page of the events that ``where`` selects, after the place ``after``."""
    names = FilterNames(where)
    choice = names.choose(reader.names.all_series())
    rows = _Rows(where, after, choice, reader, newest_first=newest_first)
    most = reader.frames_read + MAX_FRAMES
    merged = rows.merged()
    events: list[tuple[Cursor, StoredEvent]] = []
    left = PAGE_BYTES
    while len(events) <= limit:
        taken, left = _take(merged, limit + 1 - len(events), left)
        events += _read(taken, names, choice, reader, decode)
        if not taken:
            break
        if left <= 0 and len(events) <= limit:
            return Page([event for _, event in events], taken[-1].block.cursor(taken[-1].row))
        if reader.frames_read > most and not rows.stopped_at:
            rows.stopped_at = taken[-1].block.cursor(taken[-1].row)
            break
    some = [event for _, event in events[:limit]]
    if len(events) > limit:
        return Page(some, events[limit - 1][0])
    return Page(some, rows.stopped_at, complete=rows.stopped_at is None)


def _take(merged: Iterator[_Row], most: int, left: int) -> tuple[list[_Row], int]:
    """The next rows, at most ``most`` and until ``left`` bytes of bodies are spent, and what is left of these."""
    taken: list[_Row] = []
    for one in islice(merged, most):
        taken.append(one)
        left -= int(one.block.rows.body_lengths[one.row])
        if left <= 0:
            break
    return taken, left


def _read(
    rows: list[_Row],
    names: FilterNames,
    choice: SeriesChoice | None,
    reader: BlockReader,
    decode: Decoder,
) -> Iterator[tuple[Cursor, StoredEvent]]:
    """The events of ``rows``; those of an overflow series only if their body fits the filter."""
    for (block, row), event in zip(rows, reader.events(rows), strict=True):
        if event.event_type == OVERFLOW:
            true_names(event, decode)
            if choice is not None and not names.fits(event.event_type, event.source, event.topic):
                continue
        yield block.cursor(row), event


class _Rows:
    """Selected rows of all blocks in one order."""

    def __init__(
        self,
        where: EventFilter,
        after: Cursor | None,
        choice: SeriesChoice | None,
        reader: BlockReader,
        *,
        newest_first: bool,
    ) -> None:
        self.after = after
        self.choice = choice
        self.series = None if choice is None else np.array(sorted(choice.all), np.int64)
        self.reader = reader
        self.newest_first = newest_first
        self.moments = _moments(where, after, newest_first=newest_first)
        self.stopped_at: Cursor | None = None

    def merged(self) -> Iterator[_Row]:
        """Ends early when the budget is spent; ``stopped_at`` is then where to go on."""
        heap: list[tuple[tuple[int, ...], int, Iterator[int], LoadedBlock, int]] = []
        waiting = self._beyond()
        loaded = 0
        for candidate in self._holding():
            self._open(candidate, heap)
        following = next(waiting, None)
        while heap or following:
            while following and (not heap or self._may_precede(following, heap[0][0][0])):
                if loaded >= MAX_BLOCKS:
                    self.stopped_at = self._edge(following)
                    return
                loaded += 1
                self._open(following, heap)
                following = next(waiting, None)
            if not heap:
                return
            _, _, rows, block, row = heapq.heappop(heap)
            yield _Row(block, row)
            self._push(block, rows, heap)

    def _holding(self) -> list[Candidate]:
        start = self.moments.high if self.newest_first else self.moments.low
        return [] if start is None else blocks_holding(start)

    def _beyond(self) -> Iterator[Candidate]:
        return blocks_beyond(self.moments, self.choice, newest_first=self.newest_first)

    def _may_precede(self, candidate: Candidate, time: int) -> bool:
        edge = -candidate.last_ms if self.newest_first else candidate.first_ms
        return edge <= time

    def _edge(self, candidate: Candidate) -> Cursor:
        """The cursor before everything that ``candidate`` and blocks beyond it hold."""
        if self.newest_first:
            return Cursor(candidate.last_ms, _ENDLESS, _ENDLESS, _ENDLESS)
        return Cursor(candidate.first_ms, -1, -1, -1)

    def _open(self, candidate: Candidate, heap: list) -> None:  # type: ignore[type-arg]
        if candidate.id == NOTHING:
            return
        for block in self.reader.load([candidate.id]).values():
            selected = np.flatnonzero(self._mask(block))
            ordered = selected[::-1] if self.newest_first else selected
            self._push(block, iter(ordered.tolist()), heap)

    def _push(self, block: LoadedBlock, rows: Iterator[int], heap: list) -> None:  # type: ignore[type-arg]
        row = next(rows, None)
        if row is not None:
            place = block.cursor(row)
            key = tuple(-part for part in place) if self.newest_first else tuple(place)
            heapq.heappush(heap, (key, block.id, rows, block, row))

    def _mask(self, block: LoadedBlock) -> npt.NDArray[np.bool_]:
        rows = block.rows
        mask = np.ones(len(rows.series), dtype=bool)
        if self.moments.low is not None:
            mask &= rows.appended >= self.moments.low
        if self.moments.high is not None:
            mask &= rows.appended <= self.moments.high
        if self.series is not None:
            mask &= np.isin(rows.series, self.series)
        if self.after is not None:
            mask &= _beyond_place(block, self.after, newest_first=self.newest_first)
        return mask


def _moments(where: EventFilter, after: Cursor | None, *, newest_first: bool) -> Range:
    low, high = where.since_ms, None if where.until_ms is None else where.until_ms - 1
    if after is not None and newest_first:
        high = after.appended_ms if high is None else min(high, after.appended_ms)
    if after is not None and not newest_first:
        low = after.appended_ms if low is None else max(low, after.appended_ms)
    return Range(low, high)


def _beyond_place(
    block: LoadedBlock, place: Cursor, *, newest_first: bool
) -> npt.NDArray[np.bool_]:
    """Rows strictly after ``place`` in the direction of the scan, compared part by part."""
    rows = block.rows
    beyond = np.zeros(len(rows.series), dtype=bool)
    equal = np.ones(len(rows.series), dtype=bool)
    for column, part in zip(
        (rows.appended, rows.streams, rows.major, rows.minor), place, strict=True
    ):
        beyond |= equal & ((column < part) if newest_first else (column > part))
        equal &= column == part
    return beyond
