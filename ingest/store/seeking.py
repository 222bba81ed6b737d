"""Seeking hashes in all live runs: one b-tree seek and one decoded page a run and hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.models import Block, KeyPage, KeyRun
from ingest.store.columns import Ints
from ingest.store.keys import Page
from ingest.store.snapshot import read_rows

__all__ = ["Hits", "seek_keys"]

_HASHES = 200
_PAGES = 8
_BLOCKS = 500


class Hits(NamedTuple):
    """Keys found, column by column: the block's id, the row in it, and the hash."""

    blocks: Ints
    rows: Ints
    hashes: Ints


class _Stretch(NamedTuple):
    """The keys of one hash in one run; ``blocks`` are indexes into the run's list."""

    hash: int
    run: int
    blocks: npt.NDArray[np.uint16]
    rows: npt.NDArray[np.uint16]


def seek_keys(hashes: Sequence[int], *, limit: int, since_ms: int | None) -> Hits:
    """Where the keys with these hashes are. Of one hash in one run, the oldest ``limit`` suffice."""
    stretches: list[_Stretch] = []
    for start in range(0, len(hashes), _HASHES):
        stretches += _seek(hashes[start : start + _HASHES], limit=limit, since_ms=since_ms)
    return _resolve(stretches)


def _seek(hashes: Sequence[int], *, limit: int, since_ms: int | None) -> Iterator[_Stretch]:
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
    read: dict[int, Page] = {}
    for value, run, id, first, last, data in rows:
        if id not in read:
            read[id] = Page(first, data)
        blocks, places = read[id].matching(value)
        if last == value:
            yield _read_on(_Stretch(value, run, blocks, places), id, limit=limit)
        elif len(blocks):
            yield _Stretch(value, run, blocks, places)


def _read_on(begun: _Stretch, page: int, *, limit: int) -> _Stretch:
    """A stretch that goes over the end of its page, to its end or to ``limit`` keys that still live."""
    blocks, rows = [begun.blocks], [begun.rows]
    living: npt.NDArray[np.bool_] | None = None
    while True:
        further = KeyPage.objects.filter(
            run_id=begun.run, id__gt=page, last__gte=begun.hash, first__lte=begun.hash
        ).order_by("last", "id")
        found = list(further.values_list("id", "first", "data")[:_PAGES])
        for _, first, data in found:
            some, places = Page(first, data).matching(begun.hash)
            blocks.append(some)
            rows.append(places)
        if len(found) < _PAGES:
            break
        page = found[-1][0]
        living = _living(begun.run) if living is None else living
        if sum(int(living[some].sum()) for some in blocks) >= limit:
            break
    return begun._replace(blocks=np.concatenate(blocks), rows=np.concatenate(rows))


def _living(run: int) -> npt.NDArray[np.bool_]:
    """Which blocks of a run retention has not deleted."""
    ids = _blocks_of(run)
    found: list[int] = []
    for start in range(0, len(ids), _BLOCKS):
        some = Block.objects.filter(id__in=ids[start : start + _BLOCKS].tolist())
        found += some.values_list("id", flat=True)
    return np.isin(ids, np.array(found, np.int64))


def _resolve(stretches: Sequence[_Stretch]) -> Hits:
    ids = {run: _blocks_of(run) for run in {stretch.run for stretch in stretches}}
    empty = np.zeros(0, np.int64)
    return Hits(
        np.concatenate([empty, *(ids[one.run][one.blocks] for one in stretches)]),
        np.concatenate([empty, *(one.rows.astype(np.int64) for one in stretches)]),
        np.concatenate([empty, *(np.full(len(one.rows), one.hash) for one in stretches)]),
    )


def _blocks_of(run: int) -> Ints:
    blob = KeyRun.objects.values_list("blocks", flat=True).get(id=run)
    return np.frombuffer(bytes(blob), "<i8")
