"""A batch as counts: what each bucket of each resolution gains. Pure but for asking series ids.

Every record counts under its (type, source, topic): as published, or apart as a system event or as a copy
on a dead-letter topic. Receipts count as handled under (type, consumer, topic, consumer group).
Bucket time is when the broker appended the message that tells, so catching up fills the past.
Receipts that lie on a dead-letter topic were given up by somebody and tell nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.folds.cells import CODE_BITS, Cells, Counter, add_up
from ingest.folds.columns import Counted, SeriesMemo, count_events, count_receipts
from ingest.records import Batch, Slice
from ingest.system import SYSTEM_TYPES, Receipt, Receipts

__all__ = ["RESOLUTIONS", "Buckets", "Told", "fold_metrics", "receipts_of"]

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

AskSeries = Callable[..., int]
"""Type, source, consumer, topic and, of handling, the consumer group → the id of the series."""

RESOLUTIONS = (1, 60, 3600)
"""Seconds."""

Buckets = Mapping[tuple[int, int], Cells]
"""(resolution in seconds, start of the bucket in ms) → what is added to it."""

_CELL_BITS = np.uint64(44)
_CELL_MASK = np.uint64((1 << 44) - 1)


class Told(NamedTuple):
    """Receipts, and the append time of the message that brought each."""

    receipts: list[Receipt]
    times: I64


def fold_metrics(batch: Batch, told: Told, code: AskSeries, *, seconds_from_ms: int) -> Buckets:
    """What ``batch`` adds; buckets of 1 s that began before ``seconds_from_ms`` are left out.

    ``told`` are its receipts (`receipts_of`); ``code`` gives the id of a series by its names.
    """
    counted = []
    for dead_letters in (False, True):
        cells = SeriesMemo(partial(_arriving, code, dead_letters))
        counted += [
            count_events(part.records, part.stream.topic, cells)
            for part in batch.slices
            if part.records and part.stream.dead_letters is dead_letters
        ]
    if told.receipts:
        handled = SeriesMemo(partial(_handling, code))
        counted.append(count_receipts(told.receipts, told.times, handled))
    return _into_buckets(counted, seconds_from_ms)


def _arriving(code: AskSeries, dead_letters: bool, names: tuple[str, ...]) -> int:
    type, source, topic = names
    counter = Counter.SYSTEM if type in SYSTEM_TYPES else Counter.PUBLISHED
    if dead_letters:
        counter = Counter.COPIED
    return code(type, source, "", topic) << CODE_BITS | counter


def _handling(code: AskSeries, names: tuple[str, ...]) -> int:
    type, consumer, topic, group = names
    return code(type, "", consumer, topic, group) << CODE_BITS


def receipts_of(batch: Batch) -> Told:
    """All receipts of a batch; those on dead-letter topics tell nothing."""
    receipts: list[Receipt] = []
    times: list[int] = []
    sizes: list[int] = []
    for part in batch.slices:
        for appended_ms, told in _messages(part):
            receipts += told
            times.append(appended_ms)
            sizes.append(len(told))
    return Told(receipts, np.repeat(np.array(times, np.int64), sizes))


def _messages(part: Slice) -> list[tuple[int, list[Receipt]]]:
    if part.stream.dead_letters:
        return []
    return [
        (record.appended_ms, record.detail.receipts)
        for record in part.records
        if type(record.detail) is Receipts
    ]


def _into_buckets(counted: list[Counted], seconds_from_ms: int) -> Buckets:
    if not counted:
        return {}
    times = np.concatenate([part.times for part in counted])
    cells = np.concatenate([part.cells for part in counted])
    buckets: dict[tuple[int, int], Cells] = {}
    starts, summed = _sum(times // 1000, cells, np.ones(cells.size, np.uint64))
    recent = starts * 1000 >= seconds_from_ms
    _split(buckets, 1, starts[recent], Cells(summed.cells[recent], summed.counts[recent]))
    for resolution in RESOLUTIONS[1:]:
        coarse, added = _sum(starts * 1000 // (resolution * 1000), summed.cells, summed.counts)
        _split(buckets, resolution, coarse, added)
    return buckets


def _sum(numbers: I64, cells: U64, counts: U64) -> tuple[I64, Cells]:
    """Counts summed by (bucket number, cell), ascending: the numbers and the cells beside them."""
    distinct, places = np.unique(numbers, return_inverse=True)
    keyed = (places.astype(np.uint64) << _CELL_BITS) | cells
    total = add_up(keyed, counts)
    return (
        distinct[(total.cells >> _CELL_BITS).astype(np.intp)],
        Cells(total.cells & _CELL_MASK, total.counts),
    )


def _split(
    buckets: dict[tuple[int, int], Cells], resolution: int, numbers: I64, vector: Cells
) -> None:
    edges = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
    bounds = [0, *edges.tolist(), numbers.size]
    for begin, end in pairwise(bounds):
        if begin < end:
            start_ms = int(numbers[begin]) * resolution * 1000
            buckets[resolution, start_ms] = Cells(vector.cells[begin:end], vector.counts[begin:end])
