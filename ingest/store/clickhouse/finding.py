"""Finding events by key: hashes to places by a seek in ``keys``, places to events, each verified by its body."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from ingest.store.base import Found, StoredEvent, fitting
from ingest.store.clickhouse.engine import Engine
from ingest.store.clickhouse.reading import AT_ONCE, Place, read_events
from ingest.store.columns import Ints
from ingest.store.globs import name_test
from ingest.store.keys import hash_key
from ingest.store.proof import Decoder, carries
from ingest.store.seeking import Span

__all__ = ["Marked", "find_events", "seek_marks"]

_HASHES = 1000


class Marked(NamedTuple):
    """Places with what stands for the mark that was found there, as `ingest.store.marked` walks them."""

    appended: Ints
    streams: Ints
    minors: Ints
    values: Ints

    def places(self, taken: Ints) -> Iterator[Place]:
        columns = (column[taken].tolist() for column in self[:3])
        return zip(*columns, strict=True)


def find_events(
    engine: Engine,
    values: Sequence[str],
    *,
    limit: int,
    since_ms: int | None,
    only_types: Collection[str],
    before_ms: int | None,
    most_bytes: int | None,
    decode: Decoder,
) -> Found:
    """As `ingest.store.base.EventStore.find`."""
    wanted: dict[int, list[str]] = defaultdict(list)
    for value in dict.fromkeys(values):
        if value:
            wanted[hash_key(value)].append(value)
    hashes = sorted(wanted)
    found: dict[tuple[int, ...], StoredEvent] = {}
    cut = False
    for start in range(0, len(hashes), _HASHES):
        some = {hash: wanted[hash] for hash in hashes[start : start + _HASHES]}
        search = _Search(engine, some, limit, since_ms, only_types, before_ms, most_bytes, decode)
        part = search.run()
        cut = cut or part.cut
        found.update((event.cursor, event) for event in part)
    events = [found[place] for place in sorted(found, reverse=before_ms is not None)][:limit]
    fits = fitting(events, most_bytes)
    told = Found(events[:fits])
    told.cut = cut or fits < len(events)
    return told


class _Search:
    """Goes through the places that some hashes point to, in order of time, until there are enough events."""

    def __init__(
        self,
        engine: Engine,
        wanted: Mapping[int, list[str]],
        limit: int,
        since_ms: int | None,
        only_types: Collection[str],
        before_ms: int | None,
        most_bytes: int | None,
        decode: Decoder,
    ) -> None:
        self._engine = engine
        self._wanted = wanted
        self._limit = limit
        self._most_bytes = most_bytes
        self._newest_first = before_ms is not None
        self._fits = name_test(list(only_types)) if only_types else None
        self._decode = decode
        self._conditions = [f"hash IN ({', '.join(map(str, wanted))})"]
        if since_ms is not None:
            self._conditions.append(f"appended_ms >= {since_ms}")
        if before_ms is not None:
            self._conditions.append(f"appended_ms < {before_ms}")

    def run(self) -> Found:
        found = Found()
        after: Place | None = None
        most = min(AT_ONCE, self._limit + 16)
        while len(found) < self._limit:
            hashes = self._places(after, most)
            events = read_events(self._engine, list(hashes))
            found += filter(lambda event: self._is_wanted(event, hashes[_place(event)]), events)
            found.sort(key=attrgetter("cursor"), reverse=self._newest_first)
            fits = fitting(found, self._most_bytes)
            if fits < len(found):
                del found[fits:]
                found.cut = True
            if found.cut or len(hashes) < most:
                break
            after = next(reversed(hashes))
            most = AT_ONCE
        return found

    def _places(self, after: Place | None, most: int) -> dict[Place, list[int]]:
        """The next places in order of time, and the hashes that point to each."""
        sign, order = ("<", " DESC") if self._newest_first else (">", "")
        conditions = list(self._conditions)
        if after is not None:
            conditions.append(f"appended_ms {sign}= {after[0]}")
            conditions.append(f"(appended_ms, stream_id, minor) {sign} {after}")
        rows = self._engine.rows(
            f"SELECT appended_ms, stream_id, minor, groupUniqArray(hash) FROM {self._engine.table('keys')} "
            f"WHERE {' AND '.join(conditions)} GROUP BY appended_ms, stream_id, minor "
            f"ORDER BY appended_ms{order}, stream_id{order}, minor{order} LIMIT {most}"
        )
        return {(at, stream, minor): hashes for at, stream, minor, hashes in rows}

    def _is_wanted(self, event: StoredEvent, hashes: Sequence[int]) -> bool:
        if self._fits is not None and not self._fits(event.event_type):
            return False
        return any(
            carries(event, value, self._decode) for hash in hashes for value in self._wanted[hash]
        )


def _place(event: StoredEvent) -> Place:
    return event.appended_ms, event.stream_id, event.position.minor


def seek_marks(engine: Engine, spans: Sequence[Span], *, since_ms: int) -> Marked:
    """Where the marks in ``spans``, which are apart or the same, are, of messages stored since ``since_ms``."""
    apart = sorted({span.low: span for span in spans}.values())
    conditions = [f"hash BETWEEN {span.low} AND {span.high}" for span in apart]
    rows = engine.rows(
        f"SELECT DISTINCT appended_ms, stream_id, minor, toInt64(hash) FROM {engine.table('keys')} "
        f"WHERE ({' OR '.join(conditions)}) AND appended_ms >= {since_ms}"
    )
    found = np.array(rows, np.int64).reshape(-1, 4).T
    lows = np.array([span.low for span in apart], np.int64)
    shifts = np.array([span.start - span.low for span in apart], np.int64)
    values = found[3] + shifts[lows.searchsorted(found[3], "right") - 1]
    return Marked(found[0], found[1], found[2], values)
