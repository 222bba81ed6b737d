"""Which blocks a scan must look at, in its order, without touching those that it need not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import Q

from ingest.models import Block, Posting
from ingest.store.blocks import SPAN_WIDTHS_MS
from ingest.store.globs import SeriesChoice
from ingest.store.snapshot import read_rows

__all__ = ["NOTHING", "Candidate", "Range", "blocks_beyond", "blocks_holding"]

_FEW_SERIES = 64
_FIRST_CHUNK = 4
_LAST_CHUNK = 64


NOTHING = -1


class Candidate(NamedTuple):
    """A block by its bounds in time; with id NOTHING, how far blocks were looked at in vain."""

    id: int
    first_ms: int
    last_ms: int


class Range(NamedTuple):
    """The moments a scan may give out, both inclusive; None is without bound."""

    low: int | None
    high: int | None


def blocks_holding(moment: int) -> list[Candidate]:
    """The blocks that reach over ``moment``: for each class of span only the near ones are read."""
    near = Q()
    for span, width in enumerate(SPAN_WIDTHS_MS[:-1]):
        near |= Q(span=span, last_ms__gte=moment, last_ms__lte=moment + width)
    near |= Q(span=len(SPAN_WIDTHS_MS) - 1, last_ms__gte=moment)
    rows = Block.objects.filter(near, first_ms__lte=moment)
    return [Candidate(*row) for row in rows.values_list("id", "first_ms", "last_ms")]


def blocks_beyond(
    moments: Range, choice: SeriesChoice | None, *, newest_first: bool
) -> Iterator[Candidate]:
    """Blocks wholly below ``high`` by falling last_ms, or wholly above ``low`` by rising first_ms.

    The bound itself is left out: `blocks_holding` has found those that reach over it.
    """
    walk = _Walk(moments, choice, newest_first=newest_first)
    start = moments.high if newest_first else moments.low
    seen: set[int] = set()
    bound, size, strict = start, _FIRST_CHUNK, True
    while True:
        chunk = walk.chunk(bound, size, strict=strict)
        fresh = [candidate for candidate in chunk if candidate.id not in seen]
        chosen = walk.chosen(fresh)
        yield from chosen
        if fresh and not chosen:
            yield fresh[-1]._replace(id=NOTHING)
        if len(chunk) < size:
            return
        edge = chunk[-1].last_ms if newest_first else chunk[-1].first_ms
        # Equal moments come in any order, so a block of the edge may come again, even a chunk later.
        at_edge = {c.id for c in chunk if (c.last_ms if newest_first else c.first_ms) == edge}
        seen = seen | at_edge if edge == bound else at_edge
        size = size * 2 if not fresh else min(size * 2, max(size, _LAST_CHUNK))
        bound, strict = edge, False


class _Walk:
    """Chunks of blocks in one direction."""

    def __init__(self, moments: Range, choice: SeriesChoice | None, *, newest_first: bool) -> None:
        self.moments = moments
        self.series = None if choice is None else sorted(choice.all)
        self.few = self.series is not None and len(self.series) <= _FEW_SERIES
        self.newest_first = newest_first

    def chunk(self, bound: int | None, size: int, *, strict: bool) -> list[Candidate]:
        """The next ``size`` blocks from ``bound`` on (without it if ``strict``)."""
        if self.series is not None and self.few:
            return self._by_postings(bound, size, strict=strict)
        field, order = ("last_ms", "-last_ms") if self.newest_first else ("first_ms", "first_ms")
        blocks = Block.objects.order_by(order)
        if bound is not None:
            test = ("lt" if self.newest_first else "gt") + ("" if strict else "e")
            blocks = blocks.filter(**{f"{field}__{test}": bound})
        if self.newest_first and self.moments.low is not None:
            blocks = blocks.filter(last_ms__gte=self.moments.low)
        if not self.newest_first and self.moments.high is not None:
            blocks = blocks.filter(first_ms__lte=self.moments.high)
        return [Candidate(*row) for row in blocks.values_list("id", "first_ms", "last_ms")[:size]]

    def chosen(self, candidates: list[Candidate]) -> list[Candidate]:
        """Those of ``candidates`` that hold a wanted series."""
        if self.series is None or self.few or not candidates:
            return candidates
        blocks = [candidate.id for candidate in candidates]
        postings = Posting.objects.filter(block_id__in=blocks, series_id__in=self.series)
        holding = set(postings.values_list("block_id", flat=True))
        return [candidate for candidate in candidates if candidate.id in holding]

    def _by_postings(self, bound: int | None, size: int, *, strict: bool) -> list[Candidate]:
        """The index of each series in turn; a common ORDER BY would read their whole history."""
        if not self.series:
            return []
        field, order = ("last_ms", "DESC") if self.newest_first else ("first_ms", "ASC")
        tests, parameters = self._bounds(bound, strict=strict)
        part = (
            f"SELECT * FROM (SELECT block_id, first_ms, last_ms FROM {Posting._meta.db_table} "
            f"WHERE series_id = %s{tests} ORDER BY {field} {order} LIMIT {size:d}) AS s%d"
        )
        parts = " UNION ".join(part.replace("s%d", f"s{n}") for n in range(len(self.series)))
        values = [value for series in self.series for value in (series, *parameters)]
        rows = read_rows(f"{parts} ORDER BY {field} {order} LIMIT {size:d}", values)
        return [Candidate(*row) for row in rows]

    def _bounds(self, bound: int | None, *, strict: bool) -> tuple[str, list[int]]:
        tests, parameters = "", []
        field, sign = ("last_ms", "<") if self.newest_first else ("first_ms", ">")
        if bound is not None:
            tests += f" AND {field} {sign if strict else sign + '='} %s"
            parameters.append(bound)
        end = self.moments.low if self.newest_first else self.moments.high
        if end is not None:
            tests += f" AND {field} {'>=' if self.newest_first else '<='} %s"
            parameters.append(end)
        return tests, parameters
