"""Finding events by key: the keys point to rows, the rows' blocks are read oldest first, and every
hit is verified against the event's body."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter

import numpy as np

from ingest.models import Block
from ingest.store.base import Found, StoredEvent, fitting
from ingest.store.columns import Ints
from ingest.store.globs import name_test
from ingest.store.keys import hash_key
from ingest.store.proof import Decoder, carries, true_names
from ingest.store.reading import BlockReader, LoadedBlock
from ingest.store.seeking import Hits, seek_keys
from ingest.store.series import OVERFLOW
from ingest.store.snapshot import read_by_id

__all__ = ["find_events"]

_EVERY = 1 << 62
_BLOCKS = 16


def find_events(
    values: Sequence[str],
    *,
    limit: int,
    since_ms: int | None,
    only_types: Collection[str],
    before_ms: int | None,
    from_ms: int | None,
    most_bytes: int | None,
    reader: BlockReader,
    decode: Decoder,
) -> Found:
    """Events carrying any of ``values``, oldest first, the newest beyond ``limit`` or ``most_bytes`` left out.

    With ``before_ms`` newest first, of those appended before it, the oldest left out; with ``from_ms`` of
    those appended since it.
    ``since_ms`` passes over runs whose events are all older: a hint, not a filter.
    """
    wanted: dict[int, list[str]] = defaultdict(list)
    for value in dict.fromkeys(values):
        if value:
            wanted[hash_key(value)].append(value)
    most = limit if before_ms is None and from_ms is None else _EVERY
    hits = seek_keys(sorted(wanted), limit=most, since_ms=since_ms if from_ms is None else from_ms)
    search = _Search(wanted, limit, only_types, before_ms, from_ms, most_bytes, reader, decode)
    for blocks in _by_age(hits, search):
        search.read(blocks, hits)
    found = Found(search.in_order()[:limit])
    found.cut = search.cut
    return found


class _Search:
    """Reads the rows that keys point to and keeps those that are what was asked for."""

    def __init__(
        self,
        wanted: dict[int, list[str]],
        limit: int,
        only_types: Collection[str],
        before_ms: int | None,
        from_ms: int | None,
        most_bytes: int | None,
        reader: BlockReader,
        decode: Decoder,
    ) -> None:
        self.found: list[StoredEvent] = []
        self.cut = False
        self.limit = limit
        self.before_ms = before_ms
        self.from_ms = from_ms
        self.newest_first = before_ms is not None
        self._wanted = wanted
        self._fits = name_test(list(only_types)) if only_types else None
        self._most_bytes = most_bytes
        self._reader = reader
        self._decode = decode

    def in_order(self) -> list[StoredEvent]:
        """What is found, in the asked order."""
        self.found.sort(key=attrgetter("cursor"), reverse=self.newest_first)
        return self.found

    def full_before(self, time: int) -> bool:
        """Whether there are enough events, all of them on the asked side of ``time``."""
        if len(self.found) < self.limit:
            return False
        times = sorted((event.appended_ms for event in self.found), reverse=self.newest_first)
        edge = times[self.limit - 1]
        return edge > time if self.newest_first else edge < time

    def read(self, ids: Sequence[int], hits: Hits) -> None:
        """Verify what ``hits`` tell of the blocks of ``ids``."""
        blocks = self._reader.load(ids)
        values: dict[tuple[int, int], list[str]] = {}
        places: list[tuple[LoadedBlock, int]] = []
        for block in blocks.values():
            rows = self._rows(block, hits)
            values.update({(block.id, row): some for row, some in rows.items()})
            ordered = sorted(rows, reverse=self.newest_first)
            places += ((block, row) for row in ordered[: self.limit])
        for (block, row), event in zip(places, self._reader.events(places), strict=True):
            if self._is_wanted(event, values[block.id, row]):
                self.found.append(event)
        self._keep_to_bytes()

    def _keep_to_bytes(self) -> None:
        """From here on no more events are wanted than those that fit."""
        if self._most_bytes is None:
            return
        fits = fitting(self.in_order(), self._most_bytes)
        if fits < len(self.found):
            self.cut = True
            self.limit = min(self.limit, fits)
            del self.found[fits:]

    def _rows(self, block: LoadedBlock, hits: Hits) -> dict[int, list[str]]:
        """The rows pointed to and the values that each should carry."""
        here = hits.blocks == block.id
        if self.before_ms is not None:
            here[here] = block.packed.appended[hits.rows[here]] < self.before_ms
        if self.from_ms is not None:
            here[here] = block.packed.appended[hits.rows[here]] >= self.from_ms
        places = hits.rows[here]
        rows: dict[int, list[str]] = defaultdict(list)
        for row, value, fits in zip(
            places.tolist(), hits.values[here].tolist(), self._may_fit(block, places), strict=True
        ):
            if fits:
                rows[row] += self._wanted[value]
        return rows

    def _may_fit(self, block: LoadedBlock, rows: Ints) -> list[bool]:
        """Whether each of ``rows`` may be of a type that is asked for."""
        if self._fits is None:
            return [True] * len(rows)
        series = block.packed.series_of(rows)
        types = {id: self._reader.names.series(id).type for id in set(series)}
        fits = {id: type == OVERFLOW or self._fits(type) for id, type in types.items()}
        return [fits[id] for id in series]

    def _is_wanted(self, event: StoredEvent, values: list[str]) -> bool:
        if not any(carries(event, value, self._decode) for value in values):
            return False
        if event.event_type == OVERFLOW:
            true_names(event, self._decode)
        return self._fits is None or self._fits(event.event_type)


def _by_age(hits: Hits, search: _Search) -> Iterator[list[int]]:
    """Blocks that hits point to, a few at a time, in order of age, until ``search`` has its fill."""
    blocks = np.unique(hits.blocks).tolist()
    if len(blocks) <= _BLOCKS:
        yield blocks  # all at once: then their order matters to nobody
        return
    starts = _edges(blocks, search)
    order = sorted(starts, key=lambda block: (starts[block], block), reverse=search.newest_first)
    for start in range(0, len(order), _BLOCKS):
        some = order[start : start + _BLOCKS]
        if search.full_before(starts[some[0]]):
            return
        yield some


def _edges(blocks: Sequence[int], search: _Search) -> dict[int, int]:
    """The moment at which each block begins, in the order of ``search``; those wholly behind are left out."""
    begins = read_by_id(Block, "first_ms", blocks)
    if search.before_ms is None:
        if search.from_ms is None:
            return begins
        ends = read_by_id(Block, "last_ms", blocks)
        return {block: at for block, at in begins.items() if ends[block] >= search.from_ms}
    near = [block for block, first_ms in begins.items() if first_ms < search.before_ms]
    return read_by_id(Block, "last_ms", near)
