"""How many events there are, told by what ingest has counted: quick whatever the range.

Published events are counted when they were appended, handlings when their receipts were. Handlings
know no source: those of a source are taken to be those of the types that it publishes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dashboard.explore.filters import EventQuery
from ingest.folds.cells import Counter
from ingest.queries.counting import count_range, observed_from
from ingest.queries.grouping import SeriesView
from ingest.queries.metrics import read_series
from ingest.store.globs import name_test
from ingest.system import SYSTEM_TYPES

__all__ = [
    "ENDS",
    "Counted",
    "Span",
    "arrived",
    "choose_series",
    "count_in_range",
    "counted",
    "span_of",
]

ARRIVED = (Counter.PUBLISHED, Counter.SYSTEM, Counter.COPIED)
"""A message counts as one of these when it is stored."""
ENDS = {
    "delivered": (Counter.SUCCESS, Counter.SKIPPED),
    "retried": (Counter.RETRY,),
    "failed": (Counter.FAILED,),
    "dead_lettered": (Counter.DEAD_LETTERED,),
}
"""The counters of handlings that ended so."""


class Span(NamedTuple):
    """The range of a query with both its ends, ms."""

    since_ms: int
    until_ms: int


class Counted(NamedTuple):
    """Series of a query: those that count its events and those that count their handlings."""

    published: list[SeriesView]
    handled: list[SeriesView]


def counted(query: EventQuery) -> bool:
    """Whether ingest's counts tell all that is asked. Pure."""
    return not (query.needles or query.texts or query.over_ms is not None)


def choose_series(query: EventQuery, series: Iterable[SeriesView]) -> Counted:
    """The series whose counts belong to ``query``. Pure."""
    by_type, by_source = name_test(query.types), name_test(query.sources)
    by_topic, by_consumer = name_test(query.topics), name_test(query.consumers)
    rows = [row for row in series if by_type(row.type) and by_topic(row.topic)]
    published = [
        row
        for row in rows
        if not row.consumer
        and by_source(row.source)
        and not (query.hides_system and row.type in SYSTEM_TYPES)
    ]
    types = {row.type for row in published}
    handled = [
        row for row in rows if row.consumer and row.type in types and by_consumer(row.consumer)
    ]
    return Counted(published, handled)


def span_of(query: EventQuery, now_ms: int) -> Span:
    """The range that ``query`` asks for, from the first observation if it names no start."""
    since = observed_from(now_ms) if query.since_ms is None else query.since_ms
    until = now_ms + 1 if query.until_ms is None else query.until_ms
    return Span(min(since, until - 1), until)


def count_in_range(query: EventQuery, *, now_ms: int) -> int:
    """Events of the query's names and range, told by ingest's counts; texts and handlings do not tell."""
    chosen = choose_series(query, read_series()).published
    span = span_of(query, now_ms)
    size = max((row.id for row in chosen), default=0) + 1
    table = count_range(since_ms=span.since_ms, until_ms=span.until_ms, size=size, now_ms=now_ms)
    return int(arrived(table)[[row.id for row in chosen]].sum())


def arrived(table: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Events of a table whose last axis are counters."""
    counts: npt.NDArray[np.int64] = table[..., list(ARRIVED)].sum(axis=-1)
    return counts
