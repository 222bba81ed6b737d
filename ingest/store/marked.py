"""Walking through time by marks: stretches as long as the marks are sparse, cut into windows of a few places.

Windows come in the order asked and cover the whole range, so that whoever walks can stop at any of them
and go on behind it later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol

import numpy as np

from ingest.store.base import Place, StoredEvent, Window
from ingest.store.columns import Ints
from ingest.store.marks import SECONDS, mark
from ingest.store.reading import BlockReader, LoadedBlock
from ingest.store.seeking import Span, seek_spans

__all__ = ["Found", "Window", "read_places", "walk_marked"]

_FIRST = 64
"""Seconds that are looked at first."""
_GROWTH = 8
_LONGEST = SECONDS // 8
_AHEAD_MS = 3_600_000
"""How far a message that tells of an event may be stored before it, by clocks that differ."""


class Found(Protocol):
    """Places, and beside each the second that is marked there."""

    @property
    def values(self) -> Ints: ...

    def places(self, taken: Ints) -> Iterable[Place]: ...


class Seek(Protocol):
    """Where the marks in some spans are, of messages stored since a moment."""

    def __call__(self, spans: Sequence[Span], *, since_ms: int) -> Found: ...


def walk_marked(
    names: Sequence[str],
    *,
    since_ms: int,
    until_ms: int,
    newest_first: bool,
    few: int,
    seek: Seek = seek_spans,
) -> Iterator[Window]:
    """Windows of [since, until), widened to whole seconds, with what any of ``names`` marks in them.

    A window has about ``few`` places, or more if as many are in one second.
    """
    low, high = since_ms // 1000, max(since_ms, until_ms - 1) // 1000
    held: Window | None = None
    marked = partial(_seek, seek, names)
    for seconds, hits in _stretches(marked, low, high, newest_first=newest_first, few=few):
        for window in _cut(seconds, hits, newest_first=newest_first, few=few):
            held = window if held is None else _joined(held, window)
            if len(held.places) >= few or not held.places:
                yield held
                held = None
    if held is not None:
        yield held


def read_places(places: Sequence[Place], reader: BlockReader) -> list[StoredEvent]:
    """The messages at ``places``, of blocks that still exist. Not verified: a mark is a hint."""
    blocks = reader.load({block for block, _ in places})
    found: list[tuple[LoadedBlock, int]] = [
        (blocks[block], row) for block, row in places if block in blocks
    ]
    return reader.events(found)


def _stretches(
    marked: Callable[[range], Found], low: int, high: int, *, newest_first: bool, few: int
) -> Iterator[tuple[range, Found]]:
    """The seconds from ``low`` to ``high`` in stretches, and what is marked in each.

    A stretch is as long as the one before lets expect some times ``few`` marks in it, at most `_GROWTH` times
    as long.
    """
    size = _FIRST
    while low <= high:
        some = (
            range(max(low, high - size + 1), high + 1)
            if newest_first
            else range(low, min(high, low + size - 1) + 1)
        )
        hits = marked(some)
        yield some, hits
        low, high = (low, some.start - 1) if newest_first else (some.stop, high)
        expected = size * 4 * few // max(1, len(hits.values))
        size = min(_LONGEST, size * _GROWTH, max(_FIRST // 8, expected))


def _seek(seek: Seek, names: Sequence[str], seconds: range) -> Found:
    """What is marked in ``seconds``, each place with its second."""
    spans = [
        Span(mark(name, part.start), mark(name, part.stop - 1), part.start)
        for name in names
        for part in _parts(seconds)
    ]
    return seek(spans, since_ms=seconds.start * 1000 - _AHEAD_MS)


def _parts(seconds: range) -> Iterator[range]:
    """``seconds`` parted where the marks' count of seconds begins again."""
    again = seconds.start - seconds.start % SECONDS + SECONDS
    yield range(seconds.start, min(seconds.stop, again))
    if again < seconds.stop:
        yield range(again, seconds.stop)


def _cut(seconds: range, hits: Found, *, newest_first: bool, few: int) -> Iterator[Window]:
    """``seconds`` as windows in order, each of ``few`` marks as far as there are; a second is not parted."""
    order = np.argsort(hits.values, kind="stable")
    marked, first, last = hits.values[order], 0, len(order)
    low, high = seconds.start, seconds.stop
    while first < last:
        if newest_first:
            part = slice(_begin(marked, max(0, last - few)), last)
            span, last = range(int(marked[part.start]) if part.start else low, high), part.start
            high = span.start
        else:
            part = slice(first, _end(marked, min(last, first + few) - 1))
            span = range(low, int(marked[part.stop]) if part.stop < last else high)
            first, low = part.stop, span.stop
        yield _window(span, hits, order[part])
    if not len(order):
        yield _window(seconds, hits, order)


def _begin(marked: Ints, place: int) -> int:
    """Where the second of ``place`` begins."""
    return int(marked.searchsorted(marked[place]))


def _end(marked: Ints, place: int) -> int:
    return int(marked.searchsorted(marked[place], "right"))


def _window(seconds: range, hits: Found, taken: Ints) -> Window:
    return Window(seconds.start * 1000, seconds.stop * 1000, sorted(set(hits.places(taken))))


def _joined(one: Window, other: Window) -> Window:
    return Window(
        min(one.from_ms, other.from_ms),
        max(one.until_ms, other.until_ms),
        sorted({*one.places, *other.places}),
    )
