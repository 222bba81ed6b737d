"""Events over time by outcome: what stands over the list.

From ingest's counts wherever they tell. A bar is then as high as events were appended, and coloured by
the handlings that were told in the same time: an event that failed late is red when it failed. Asked
for a consumer, bars are its handlings. What counts do not know (a text, an id, an indexed value, a
duration) is read: from the newest on, within the list's budget.
"""

from __future__ import annotations

from collections import Counter as Tally
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from dashboard.explore.filters import EventQuery
from dashboard.explore.outcomes import OUTCOMES
from dashboard.explore.sampling import Sample, read_sample
from dashboard.explore.totals import (
    ENDS,
    Counted,
    Span,
    arrived,
    choose_series,
    counted,
    span_of,
)
from ingest.folds.cells import Counter
from ingest.queries.counting import StepCounts, count_steps
from ingest.queries.metrics import read_series

__all__ = ["Bin", "Histogram", "choose_bins", "read_histogram"]

Basis = Literal["counts", "handlings", "events"]
_STEPS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800),
)
_FINEST = 1000


class Bin(NamedTuple):
    """Events from ``at_ms`` on, by outcome ("" are system events); not ``known``: nobody looked."""

    at_ms: int
    counts: dict[str, int]
    known: bool


class Histogram(NamedTuple):
    """``basis``: ``counts`` of events and handlings, ``handlings`` alone, or ``events`` that were read.

    Not ``exact``: reading ended at ``read_until_ms``; bins beyond it are not known.
    """

    from_ms: int
    until_ms: int
    step_ms: int
    bins: list[Bin]
    exact: bool
    basis: Basis
    read_until_ms: int | None = None


def read_histogram(query: EventQuery, *, now_ms: int, bins: int = 60) -> Histogram:
    """Counts over the query's range in at most ``bins`` bins of a round length."""
    span = span_of(query, now_ms)
    if not counted(query):
        return _from_sample(read_sample(query), query, span, bins)
    step = choose_bins(span, bins)
    chosen = choose_series(query, read_series())
    counts = _read_counts(chosen, span, step, now_ms)
    told = [
        Bin(at, _outcomes(query, row), known)
        for at, row, known in zip(counts.times_ms, counts.counters, counts.known, strict=True)
    ]
    basis: Basis = "handlings" if query.consumers else "counts"
    return Histogram(
        counts.times_ms[0], span.until_ms, counts.step_ms, told, exact=True, basis=basis
    )


def choose_bins(span: Span, most: int) -> int:
    """Seconds of a round length of which at most about ``most`` fill the range. Pure."""
    wanted = (span.until_ms - span.since_ms) / 1000 / max(1, most)
    return next((step for step in _STEPS if step >= wanted), _longest(wanted))


def _longest(wanted: float) -> int:
    weeks = -(-wanted // _STEPS[-1])
    return int(weeks) * _STEPS[-1]


def _read_counts(chosen: Counted, span: Span, step: int, now_ms: int) -> StepCounts:
    """Group 0 counts events, group 1 handlings."""
    newest = max((row.id for part in chosen for row in part), default=0)
    group_of = np.full(newest + 2, -1, np.int32)
    group_of[[row.id for row in chosen.published]] = 0
    group_of[[row.id for row in chosen.handled]] = 1
    return count_steps(
        since_ms=span.since_ms,
        until_ms=span.until_ms,
        step=step,
        group_of=group_of,
        groups=2,
        now_ms=now_ms,
    )


def _outcomes(query: EventQuery, row: npt.NDArray[np.int64]) -> dict[str, int]:
    """A bin by outcome, from the counters of its events and of its handlings."""
    ends = {name: int(row[1, list(codes)].sum()) for name, codes in ENDS.items()}
    if not query.consumers:
        ends = _shares(int(arrived(row[0]) - row[0, Counter.SYSTEM]), ends)
        ends[""] = int(row[0, Counter.SYSTEM])
    wanted = query.outcomes or ("", *OUTCOMES)
    return {name: count for name, count in ends.items() if count and name in wanted}


def _shares(events: int, ends: dict[str, int]) -> dict[str, int]:
    """Events by outcome: as many went wrong as handlings did, the rest was delivered, if any was."""
    counts: dict[str, int] = {}
    left = events
    for name in ("dead_lettered", "failed", "retried"):
        counts[name] = min(ends[name], left)
        left -= counts[name]
    handled = sum(ends.values())
    counts["delivered" if handled else "unprocessed"] = left
    return counts


def _from_sample(sample: Sample, query: EventQuery, span: Span, bins: int) -> Histogram:
    moments = [row.event.appended_ms for row in sample.rows]
    if query.since_ms is None and sample.complete:
        span = Span(min(moments, default=span.since_ms), span.until_ms)
    step_ms = choose_bins(span, bins) * _FINEST
    first = span.since_ms // step_ms * step_ms
    tallies: dict[int, Tally[str]] = {}
    for row in sample.rows:
        at = row.event.appended_ms // step_ms * step_ms
        tallies.setdefault(at, Tally())[row.outcome] += 1
    told = [
        Bin(
            at, dict(tallies.get(at, {})), _was_read(at, step_ms, sample, newest=query.newest_first)
        )
        for at in range(first, max(span.until_ms, first + 1), step_ms)
    ]
    return Histogram(
        first, span.until_ms, step_ms, told, sample.complete, "events", sample.until_ms
    )


def _was_read(at: int, step_ms: int, sample: Sample, *, newest: bool) -> bool:
    if sample.complete or sample.until_ms is None:
        return sample.complete
    return at >= sample.until_ms if newest else at + step_ms <= sample.until_ms
