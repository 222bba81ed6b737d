"""Walking through time by marks: from wide buckets into narrow ones, as long as there are many hits.

Windows come in the order asked and cover the whole range, so that whoever walks can stop at any of them
and go on behind it later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ingest.store.base import StoredEvent
from ingest.store.keys import hash_key
from ingest.store.marks import WIDTHS, mark
from ingest.store.reading import BlockReader, LoadedBlock
from ingest.store.seeking import seek_keys

__all__ = ["Window", "read_places", "walk_marked"]

_AT_ONCE = 256
_MOST_HITS = 100_000

Place = tuple[int, int]


class Window(NamedTuple):
    """[from_ms, until_ms) of the events' time; what tells of it stands at ``places`` (block, row)."""

    from_ms: int
    until_ms: int
    places: list[Place]


class _Walk(NamedTuple):
    names: Sequence[str]
    newest_first: bool
    few: int


def walk_marked(
    names: Sequence[str], *, since_ms: int, until_ms: int, newest_first: bool, few: int
) -> Iterator[Window]:
    """Windows of [since, until), widened to whole seconds, with what any of ``names`` marks in them.

    A window has about ``few`` places, or more if as many are in one second.
    """
    walk = _Walk(names, newest_first, few)
    low, high = since_ms // 1000, max(since_ms, until_ms - 1) // 1000
    held: Window | None = None
    for window in _level(walk, len(WIDTHS) - 1, low, high):
        joined = window if held is None else _joined(held, window)
        if held is not None and len(joined.places) > few:
            yield held
            joined = window
        held = joined
        if len(held.places) >= few or not held.places:
            yield held
            held = None
    if held is not None:
        yield held


def _joined(one: Window, other: Window) -> Window:
    places = dict.fromkeys((*one.places, *other.places))
    return Window(
        min(one.from_ms, other.from_ms), max(one.until_ms, other.until_ms), sorted(places)
    )


def read_places(places: Sequence[Place], reader: BlockReader) -> list[StoredEvent]:
    """The messages at ``places``, of blocks that still exist. Not verified: a mark is a hint."""
    blocks = reader.load({block for block, _ in places})
    found: list[tuple[LoadedBlock, int]] = [
        (blocks[block], row) for block, row in places if block in blocks
    ]
    return reader.events(found)


def _level(walk: _Walk, level: int, low: int, high: int) -> Iterator[Window]:
    """The seconds from ``low`` to ``high`` in buckets of a width, some at a time."""
    width = WIDTHS[level]
    size = max(1, _AT_ONCE // len(walk.names))
    for group in _groups(range(low // width, high // width + 1), size, newest=walk.newest_first):
        hits = _seek(walk, width, group)
        for bucket in group:
            places = hits.get(bucket, [])
            first, last = max(low, bucket * width), min(high, bucket * width + width - 1)
            if level and len(places) > walk.few:
                yield from _level(walk, level - 1, first, last)
            else:
                yield Window(first * 1000, (last + 1) * 1000, places)


def _groups(buckets: range, size: int, *, newest: bool) -> Iterator[range]:
    ordered = buckets[::-1] if newest else buckets
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def _seek(walk: _Walk, width: int, buckets: range) -> dict[int, list[Place]]:
    """Where each of ``buckets`` is told of, each place once."""
    bucket_of = {
        hash_key(mark(name, width, bucket)): bucket for bucket in buckets for name in walk.names
    }
    since_ms = min(buckets) * width * 1000
    hits = seek_keys(list(bucket_of), limit=_MOST_HITS, since_ms=since_ms)
    found: dict[int, set[Place]] = defaultdict(set)
    for block, row, value in zip(
        hits.blocks.tolist(), hits.rows.tolist(), hits.hashes.tolist(), strict=True
    ):
        found[bucket_of[value]].add((block, row))
    return {bucket: sorted(places) for bucket, places in found.items()}
