"""Seeking hashes in all live runs: one b-tree seek a run and hash (or span), each page found decoded once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.models import Block, KeyPage, KeyRun
from ingest.store.columns import Ints
from ingest.store.keys import Hashes, Page, Run
from ingest.store.snapshot import read_by_id, read_rows

__all__ = ["Hits", "Span", "seek_keys", "seek_spans"]

_HASHES = 1000
_PAGES = 8


class Hits(NamedTuple):
    """Keys found, column by column: the block's id, the row in it, and the hash (or what stands for it)."""

    blocks: Ints
    rows: Ints
    values: Ints

    def places(self, taken: Ints) -> Iterator[tuple[int, int]]:
        """(block, row) of the keys at these indexes."""
        return zip(self.blocks[taken].tolist(), self.rows[taken].tolist(), strict=True)


class Span(NamedTuple):
    """All hashes from ``low`` to ``high``; in the answer ``start`` stands for ``low``, and so on."""

    low: int
    high: int
    start: int


class _Stretch(NamedTuple):
    """Keys found in one run; their ``blocks`` are indexes into the run's list."""

    run: int
    keys: Run


class _Begun(NamedTuple):
    """The keys of one hash up to the end of a page, behind which there may be more."""

    run: int
    page: int
    keys: Run

    @property
    def hash(self) -> int:
        return int(self.keys.hashes[-1])


def seek_keys(hashes: Sequence[int], *, limit: int, since_ms: int | None) -> Hits:
    """Where the keys with these hashes are. Of one hash in one run, the oldest ``limit`` suffice."""
    wanted = np.unique(np.array(hashes, np.uint64))
    stretches: list[_Stretch] = []
    for start in range(0, len(wanted), _HASHES):
        some = wanted[start : start + _HASHES]
        stretches += _seek(some, limit=limit, since_ms=since_ms)
    return _resolve(stretches)


def seek_spans(spans: Sequence[Span], *, since_ms: int) -> Hits:
    """Where the keys with hashes in ``spans`` are, of runs with an event since ``since_ms``."""
    stretches = []
    for run, first, last, data in _pages_over(spans, since_ms):
        over = [span for span in spans if span.low <= last and span.high >= first]
        keys = Page(first, data).run() if over else Run.joined([])
        for span in over:
            begin = keys.hashes.searchsorted(np.uint64(span.low))
            end = keys.hashes.searchsorted(np.uint64(span.high), "right")
            part = keys.part(begin, end)
            values = part.hashes - np.uint64(span.low) + np.uint64(span.start)
            stretches.append(_Stretch(run, part._replace(hashes=values)))
    return _resolve(stretches)


def _pages_over(spans: Sequence[Span], since_ms: int) -> list[tuple[int, int, int, bytes]]:
    """(run, first, last, data) of the pages that end in a span, and of the first that ends behind it."""
    runs, pages = KeyRun._meta.db_table, KeyPage._meta.db_table
    asked = ", ".join(["(CAST(%s AS bigint), CAST(%s AS bigint))"] * len(spans))
    bounds = [bound for span in spans for bound in (span.low, span.high)]
    living = (
        f"FROM {runs} r CROSS JOIN (VALUES {asked}) AS wanted"
        "{joined} WHERE r.state = 0 AND r.last_ms >= %s"
    )
    inside = f" JOIN {pages} s ON s.run_id = r.id AND s.last >= wanted.column1 AND s.last <= wanted.column2"
    return read_rows(
        f"SELECT p.run_id, p.first, p.last, p.data FROM {pages} p WHERE p.id IN ("
        f"SELECT (SELECT s.id FROM {pages} s WHERE s.run_id = r.id AND s.last > wanted.column2 "
        f"ORDER BY s.last, s.id LIMIT 1) {living.format(joined='')} "
        f"UNION ALL SELECT s.id {living.format(joined=inside)})",
        [*bounds, since_ms] * 2,
    )


def _seek(wanted: Hashes, *, limit: int, since_ms: int | None) -> Iterator[_Stretch]:
    runs, pages = KeyRun._meta.db_table, KeyPage._meta.db_table
    values = wanted.tolist()
    asked = ", ".join(["(CAST(%s AS bigint))"] * len(values))
    newer = "" if since_ms is None else " AND r.last_ms >= %s"
    rows = read_rows(
        f"SELECT p.run_id, p.last, p.id, p.first, p.data FROM {pages} p WHERE p.id IN ("
        f"SELECT (SELECT s.id FROM {pages} s WHERE s.run_id = r.id AND s.last >= wanted.column1 "
        "ORDER BY s.last, s.id LIMIT 1) "
        f"FROM {runs} r CROSS JOIN (VALUES {asked}) AS wanted WHERE r.state = 0{newer})",
        [*values, *([] if since_ms is None else [since_ms])],
    )
    read_on: tuple[int, int] | None = None
    for run, last, page, first, data in sorted(rows, key=lambda row: row[:3]):
        # A hash that was read on behind its first page is not to be counted again.
        begin = (bisect_right if read_on == (run, first) else bisect_left)(values, first)
        end = bisect_right(values, last)
        if begin >= end:
            continue
        found = Page(first, data).matching(wanted[begin:end])
        yield _Stretch(run, found)
        if values[end - 1] == last:
            read_on = (run, last)
            here = found.hashes.searchsorted(wanted[end - 1])
            begun = _Begun(run, page, found.part(here, len(found.hashes)))
            yield _Stretch(run, _read_on(begun, limit=limit))


def _read_on(begun: _Begun, *, limit: int) -> Run:
    """What follows a stretch that reaches the end of its page, up to ``limit`` keys that still live."""
    value, page = np.array([begun.hash], np.uint64), begun.page
    living: npt.NDArray[np.bool_] | None = None
    parts: list[Run] = []
    while True:
        further = KeyPage.objects.filter(
            run_id=begun.run, id__gt=page, last__gte=begun.hash, first__lte=begun.hash
        ).order_by("last", "id")
        found = list(further.values_list("id", "first", "data")[:_PAGES])
        parts += [Page(first, data).matching(value) for _, first, data in found]
        if len(found) < _PAGES:
            return Run.joined(parts)
        page = found[-1][0]
        living = _living(begun.run) if living is None else living
        if sum(int(living[some.blocks].sum()) for some in (begun.keys, *parts)) >= limit:
            return Run.joined(parts)


def _living(run: int) -> npt.NDArray[np.bool_]:
    """Which blocks of a run retention has not deleted."""
    ids = _blocks_of([run])[run]
    found = read_by_id(Block, "id", ids.tolist())
    return np.isin(ids, np.array(list(found), np.int64))


def _resolve(stretches: Sequence[_Stretch]) -> Hits:
    found = [stretch for stretch in stretches if len(stretch.keys.hashes)]
    ids = _blocks_of(sorted({stretch.run for stretch in found}))
    empty = np.zeros(0, np.int64)
    return Hits(
        np.concatenate([empty, *(ids[run][keys.blocks] for run, keys in found)]),
        np.concatenate([empty, *(keys.rows.astype(np.int64) for _, keys in found)]),
        np.concatenate([empty, *(keys.hashes.astype(np.int64) for _, keys in found)]),
    )


def _blocks_of(runs: Sequence[int]) -> dict[int, Ints]:
    """The blocks that each of ``runs`` points to."""
    found = read_by_id(KeyRun, "blocks", runs)
    return {run: np.frombuffer(bytes(blob), "<i8") for run, blob in found.items()}
