"""From lists of records and receipts to columns of cells. Half of all counted events are receipts,
so everything here is a list comprehension over one attribute or an operation on whole columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.folds.cells import CODE_MASK, Counter, sketch_code
from ingest.records import Record
from ingest.sketch import bin_of
from ingest.system import Receipt
from ingest.time_columns import UNKNOWN_MS, entry_times, parse_times

__all__ = ["LONGEST_MS", "OUTCOMES", "Counted", "SeriesMemo", "count_events", "count_receipts"]

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

LONGEST_MS = 30 * 86_400_000
"""A latency beyond is a wrong clock, not a latency."""
SKEW_MS = 1_000
"""Clocks of two machines differ: a little less than zero is zero, more is a wrong clock."""

OUTCOMES = {
    "success": Counter.SUCCESS,
    "retry": Counter.RETRY,
    "failed": Counter.FAILED,
    "dead_lettered": Counter.DEAD_LETTERED,
    "skipped": Counter.SKIPPED,
}


class Counted(NamedTuple):
    """Cells in any order, each to be counted once, and the time (ms) whose bucket it belongs to."""

    times: I64
    cells: U64


class SeriesMemo(dict[tuple[str, ...], int]):
    """First cells of series by names, each asked for once a batch."""

    def __init__(self, ask: Callable[[tuple[str, ...]], int]) -> None:
        super().__init__()
        self._ask = ask

    def __missing__(self, names: tuple[str, ...]) -> int:
        code = self[names] = self._ask(names)
        return code


class _OutcomeCodes(dict[str, int]):
    def __missing__(self, outcome: str) -> int:
        return Counter.UNKNOWN


_CODES = _OutcomeCodes(OUTCOMES)


def count_events(records: Sequence[Record], topic: str, cells: SeriesMemo) -> Counted:
    """What arriving counts: each record once, and its publish delay where it has a timestamp.

    ``cells`` gives the cell to count by type, source and topic; only published events have a delay.
    """
    size = len(records)
    names = [(record.event_type, record.source, topic) for record in records]
    counted = np.fromiter(map(cells.__getitem__, names), np.uint64, size)
    appended = np.fromiter([record.appended_ms for record in records], np.int64, size)
    occurred = np.fromiter(
        [UNKNOWN_MS if record.occurred_ms is None else record.occurred_ms for record in records],
        np.int64,
        size,
    )
    base = counted & ~np.uint64(CODE_MASK)
    delays = (appended - occurred).astype(np.float64)
    delayed = _believable(delays) & (occurred != UNKNOWN_MS)
    delayed &= counted == (base | np.uint64(Counter.PUBLISHED))
    return Counted(
        np.concatenate((appended, appended[delayed])),
        np.concatenate((counted, _sketch(base[delayed], delays[delayed], "publish_delay"))),
    )


def count_receipts(receipts: Sequence[Receipt], times: I64, cells: SeriesMemo) -> Counted:
    """What handling counts: each receipt under its outcome, and the latencies it tells of.

    Queue time is of first attempts (a retry's delay is no queue), processing and critical time of
    finished attempts (success, failed, dead-lettered).
    """
    size = len(receipts)
    names = [
        (receipt.event_type, receipt.consumer, receipt.topic, receipt.consumer_group)
        for receipt in receipts
    ]
    base = np.fromiter(map(cells.__getitem__, names), np.uint64, size)
    outcomes = [_CODES[receipt.outcome] for receipt in receipts]
    codes = np.fromiter(outcomes, np.uint64, size)
    finished = (
        (codes == Counter.SUCCESS) | (codes == Counter.FAILED) | (codes == Counter.DEAD_LETTERED)
    )
    first = np.fromiter([receipt.attempt <= 1 for receipt in receipts], np.bool_, size)
    parts = [(times, base | codes)]
    for kind, latency, known in _latencies(receipts):
        chosen = known & _believable(latency) & (first if kind == "queue" else finished)
        parts.append((times[chosen], _sketch(base[chosen], latency[chosen], kind)))
    return Counted(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _latencies(receipts: Sequence[Receipt]) -> list[tuple[str, F64, Flags]]:
    """Every kind of latency with where it is known."""
    started = parse_times([receipt.started_at for receipt in receipts])
    ended = parse_times([receipt.ended_at for receipt in receipts])
    produced = parse_times([receipt.produced_at for receipt in receipts])
    appended = entry_times([receipt.offset for receipt in receipts])
    queued = np.where(appended != UNKNOWN_MS, appended, produced)
    told = np.array([receipt.duration_ms for receipt in receipts], dtype=np.float64)
    spans = (ended - started).astype(np.float64)
    both = (started != UNKNOWN_MS) & (ended != UNKNOWN_MS)
    measured = np.isfinite(told)
    return [
        (
            "queue",
            (started - queued).astype(np.float64),
            (started != UNKNOWN_MS) & (queued != UNKNOWN_MS),
        ),
        ("processing", np.where(measured, told, spans), measured | both),
        (
            "critical",
            (ended - produced).astype(np.float64),
            (ended != UNKNOWN_MS) & (produced != UNKNOWN_MS),
        ),
    ]


def _believable(latency: F64) -> Flags:
    return (latency >= -SKEW_MS) & (latency <= LONGEST_MS)


def _sketch(base: U64, latency: F64, kind: str) -> U64:
    return base | (bin_of(latency).astype(np.uint64) + np.uint64(sketch_code(kind)))
