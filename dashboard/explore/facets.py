"""How the events of a range divide: by type, source, topic, consumer and outcome."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from dashboard.explore.filters import EventQuery
from dashboard.explore.rows import Row
from dashboard.explore.sampling import read_sample
from dashboard.explore.totals import (
    ENDS,
    arrived,
    choose_series,
    counted,
    span_of,
)
from ingest.queries.counting import count_range
from ingest.queries.grouping import SeriesView
from ingest.queries.metrics import read_series

__all__ = ["MOST", "Facet", "Facets", "read_facets"]

MOST = 50


@dataclass(frozen=True, slots=True)
class Facet:
    """A value and how often it occurs."""

    name: str
    count: int


class Facets(NamedTuple):
    """The most frequent values of each kind, most frequent first.

    By ``counts``, consumers and outcomes count handlings in the range; by ``events``, the events that
    were read, which were not all if it is not ``exact``.
    """

    types: list[Facet]
    sources: list[Facet]
    topics: list[Facet]
    consumers: list[Facet]
    outcomes: list[Facet]
    exact: bool
    basis: Literal["counts", "events"]


def read_facets(query: EventQuery, *, now_ms: int) -> Facets:
    """Facets of the query's range and filters, from ingest's counts wherever they tell."""
    if not counted(query):
        sample = read_sample(query)
        return _of_rows(sample.rows, exact=sample.complete)
    span = span_of(query, now_ms)
    chosen = choose_series(query, read_series())
    newest = max((row.id for part in chosen for row in part), default=0)
    table = count_range(
        since_ms=span.since_ms, until_ms=span.until_ms, size=newest + 1, now_ms=now_ms
    )
    events, handlings = arrived(table), _handled(table)
    return Facets(
        types=_by(chosen.published, "type", events),
        sources=_by(chosen.published, "source", events),
        topics=_by(chosen.published, "topic", events),
        consumers=_by(chosen.handled, "consumer", handlings),
        outcomes=_outcomes(chosen.handled, table),
        exact=True,
        basis="counts",
    )


def _handled(table: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    codes = [code for some in ENDS.values() for code in some]
    counts: npt.NDArray[np.int64] = table[:, codes].sum(axis=1)
    return counts


def _by(rows: Iterable[SeriesView], part: str, counts: npt.NDArray[np.int64]) -> list[Facet]:
    tally: Tally[str] = Tally()
    for row in rows:
        tally[getattr(row, part)] += int(counts[row.id])
    return _most(tally)


def _outcomes(rows: Iterable[SeriesView], table: npt.NDArray[np.int64]) -> list[Facet]:
    ids = [row.id for row in rows]
    counts = table[ids].sum(axis=0)
    return _most(Tally({name: int(counts[list(codes)].sum()) for name, codes in ENDS.items()}))


def _of_rows(rows: list[Row], *, exact: bool) -> Facets:
    return Facets(
        types=_most(Tally(row.event.event_type for row in rows)),
        sources=_most(Tally(row.event.source for row in rows)),
        topics=_most(Tally(row.event.topic for row in rows)),
        consumers=_most(Tally(name for row in rows for name in row.consumers)),
        outcomes=_most(Tally(row.outcome for row in rows)),
        exact=exact,
        basis="events",
    )


def _most(tally: Tally[str]) -> list[Facet]:
    """By falling count, then by name; values that do not occur are left out."""
    ordered = sorted(tally.items(), key=lambda item: (-item[1], item[0]))
    return [Facet(name, count) for name, count in ordered[:MOST] if name and count]
