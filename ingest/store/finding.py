"""Finding events by key: one b-tree seek a run, one page decoded, each hit verified."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ingest.models import Block, KeyPage, KeyRun
from ingest.store.base import StoredEvent
from ingest.store.keys import PageData, Run, decode_page, hash_key, matching
from ingest.store.proof import Decoder, carries, true_names
from ingest.store.reading import BlockReader, LoadedBlock
from ingest.store.series import OVERFLOW
from ingest.store.snapshot import read_rows

__all__ = ["find_events"]

_HASHES = 200
_PAGES = 8
_BLOCKS = 16


class _Hit(NamedTuple):
    """A key found: the block (by id), its row and the hash."""

    block: int
    row: int
    hash: int


def find_events(
    values: Sequence[str],
    *,
    limit: int,
    since_ms: int | None,
    only_type: str,
    reader: BlockReader,
    decode: Decoder,
) -> list[StoredEvent]:
    """Events carrying any of ``values``, oldest first, the newest beyond ``limit`` left out.

    ``since_ms`` passes over runs whose events are all older: a hint, not a filter.
    """
    wanted: dict[int, list[str]] = defaultdict(list)
    for value in dict.fromkeys(values):
        if value:
            wanted[hash_key(value)].append(value)
    hits = _find_hits(sorted(wanted), limit=limit, since_ms=since_ms)
    found: list[tuple[LoadedBlock, int, StoredEvent]] = []
    for chunk in _by_age(hits, limit=limit, found=found):
        _verify_chunk(chunk, wanted, found, only_type, reader, decode)
    found.sort(key=lambda entry: entry[0].cursor(entry[1]))
    return [event for _, _, event in found[:limit]]


def _verify_chunk(
    chunk: dict[int, list[_Hit]],
    wanted: dict[int, list[str]],
    found: list[tuple[LoadedBlock, int, StoredEvent]],
    only_type: str,
    reader: BlockReader,
    decode: Decoder,
) -> None:
    blocks = reader.load(chunk)
    rows: dict[tuple[int, int], list[str]] = defaultdict(list)
    for hit in (hit for hits in chunk.values() for hit in hits):
        rows[hit.block, hit.row] += wanted[hit.hash]
    places = [(blocks[block], row) for block, row in rows if block in blocks]
    if only_type:
        places = [place for place in places if _may_be(only_type, *place, reader)]
    for (block, row), event in zip(places, reader.events(places), strict=True):
        if any(carries(event, value, decode) for value in rows[block.id, row]):
            if event.event_type == OVERFLOW:
                true_names(event, decode)
            if only_type and event.event_type != only_type:
                continue
            found.append((block, row, event))


def _may_be(type: str, block: LoadedBlock, row: int, reader: BlockReader) -> bool:
    return reader.names.series(int(block.rows.series[row])).type in (type, OVERFLOW)


def _by_age(
    hits: list[_Hit], *, limit: int, found: list[tuple[LoadedBlock, int, StoredEvent]]
) -> Iterator[dict[int, list[_Hit]]]:
    """Hits a few blocks at a time, oldest blocks first, until ``found`` cannot get older ones."""
    grouped: dict[int, list[_Hit]] = defaultdict(list)
    for hit in hits:
        grouped[hit.block].append(hit)
    starts = _first_times(list(grouped))
    order = sorted(starts, key=lambda block: (starts[block], block))
    for start in range(0, len(order), _BLOCKS):
        some = order[start : start + _BLOCKS]
        if len(found) >= limit:
            times = sorted(event.appended_ms for _, _, event in found)
            if starts[some[0]] > times[limit - 1]:
                return
        yield {block: grouped[block] for block in some}


def _first_times(blocks: list[int]) -> dict[int, int]:
    """The first moment of those blocks that still exist."""
    found: dict[int, int] = {}
    for start in range(0, len(blocks), 400):
        some = Block.objects.filter(id__in=blocks[start : start + 400])
        found.update(some.values_list("id", "first_ms"))
    return found


def _find_hits(hashes: list[int], *, limit: int, since_ms: int | None) -> list[_Hit]:
    hits: list[_Hit] = []
    for start in range(0, len(hashes), _HASHES):
        hits += _seek(hashes[start : start + _HASHES], limit=limit, since_ms=since_ms)
    return hits


def _seek(hashes: list[int], *, limit: int, since_ms: int | None) -> list[_Hit]:
    """One statement finds, for each hash and run, the first page that can hold it."""
    runs, pages = KeyRun._meta.db_table, KeyPage._meta.db_table
    values = ", ".join(["(CAST(%s AS bigint))"] * len(hashes))
    newer = "" if since_ms is None else "AND r.last_ms >= %s "
    rows = read_rows(
        "SELECT wanted.column1, r.id, p.id, p.first, p.last, p.data "
        f"FROM {runs} r CROSS JOIN (VALUES {values}) AS wanted JOIN {pages} p ON p.id = "
        f"(SELECT s.id FROM {pages} s WHERE s.run_id = r.id AND s.last >= wanted.column1 "
        "ORDER BY s.last, s.id LIMIT 1) "
        f"WHERE r.state = 0 {newer}AND p.first <= wanted.column1",
        [*hashes, *([] if since_ms is None else [since_ms])],
    )
    decoded: dict[int, Run] = {}
    found: list[tuple[int, int, int, int]] = []
    for value, run, id, first, last, data in rows:
        if id not in decoded:
            decoded[id] = decode_page(PageData(first, last, bytes(data)))
        blocks, places = matching(decoded[id], value)
        found += ((value, run, block, row) for block, row in zip(blocks, places, strict=True))
        if last == value:
            found += _read_on(value, run, id, limit=limit)
    return _resolve(found, limit=limit)


def _read_on(value: int, run: int, page: int, *, limit: int) -> Iterator[tuple[int, int, int, int]]:
    """The keys of a hash that reaches over the end of a page."""
    while True:
        further = KeyPage.objects.filter(run_id=run, id__gt=page, last__gte=value, first__lte=value)
        rows = further.order_by("last", "id").values_list("id", "first", "last", "data")[:_PAGES]
        for id, first, last, data in rows:
            keys = decode_page(PageData(first, last, bytes(data)))
            for block, row in zip(*matching(keys, value), strict=True):
                yield value, run, block, row
            page = id
        if len(rows) < _PAGES:
            return


def _resolve(found: list[tuple[int, int, int, int]], *, limit: int) -> list[_Hit]:
    runs = {run for _, run, _, _ in found}
    blocks = {
        id: np.frombuffer(bytes(ids), "<i8")
        for id, ids in KeyRun.objects.filter(id__in=runs).values_list("id", "blocks")
    }
    return [_Hit(int(blocks[run][block]), int(row), value) for value, run, block, row in found]
