"""Traced events as correlations: copies folded, causes found, the first event of each. Pure.

All columns; a round joins some hundred thousand events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.folds.traces import Traces
from ingest.system import DETAILS

__all__ = ["OVERFLOW", "Joined", "Kinds", "join"]

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

OVERFLOW = "__overflow__"
"""Types beyond the limit of series are counted together and are no step of a flow."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Kinds(NamedTuple):
    """Types and sources by number, and those numbers by series id; -1 for what is no step."""

    types: list[str]
    sources: list[str]
    type_of: I64
    source_of: I64

    @classmethod
    def of(cls, series: Mapping[int, tuple[str, str]]) -> Kinds:
        """``series`` tells type and source by id."""
        types = sorted({type for type, _ in series.values()} - {OVERFLOW} - DETAILS.keys())
        sources = sorted({source for _, source in series.values()})
        type_codes = {type: code for code, type in enumerate(types)}
        source_codes = {source: code for code, source in enumerate(sources)}
        type_of = np.full(max(series, default=0) + 1, -1, np.int64)
        source_of = type_of.copy()
        for id, (type, source) in series.items():
            type_of[id] = type_codes.get(type, -1)
            source_of[id] = source_codes[source]
        return cls(types, sources, type_of, source_of)


class Joined(NamedTuple):
    """Rows in order of correlation and time. By row: ``group`` (number of its correlation), ``parent``
    (row of its cause, or of the first event where none is known), ``type`` and ``source``.

    By correlation: ``begins`` (its first row), ``start`` (the row of its first event), ``newest``
    (append time of its last) and ``orphan`` (its first event names a cause that is not there).
    """

    traces: Traces
    group: I64
    parent: I64
    type: I64
    source: I64
    begins: I64
    start: I64
    newest: I64
    orphan: npt.NDArray[np.bool_]

    @property
    def size(self) -> int:
        """How many correlations."""
        return int(self.begins.size)


def join(traces: Traces, kinds: Kinds) -> Joined:
    """The correlations in ``traces``, whose rows may be in any order and repeat an event."""
    traces = traces.take(kinds.type_of[traces.series] >= 0)
    traces = _fold_copies(traces)
    order = np.lexsort(
        (traces.minor, traces.major, traces.stream, traces.appended, traces.at, traces.correlation)
    )
    traces = traces.take(order)
    rows = np.arange(traces.event.size)
    changes = np.ones(rows.size, np.bool_)
    changes[1:] = traces.correlation[1:] != traces.correlation[:-1]
    begins = np.flatnonzero(changes)
    group = np.cumsum(changes) - 1
    parent = _causes(traces)
    start = _starts(parent, rows, begins)
    named = (traces.cause != 0) & (traces.cause != traces.event)
    named &= traces.cause != traces.correlation
    parent = np.where(parent < 0, start[group], parent) if rows.size else parent
    newest = np.maximum.reduceat(traces.appended, begins) if begins.size else begins
    return Joined(
        traces=traces,
        group=group,
        parent=parent,
        type=kinds.type_of[traces.series],
        source=kinds.source_of[traces.series],
        begins=begins,
        start=start,
        newest=newest,
        orphan=named[start] & (parent[start] == start),
    )


def _keys(correlation: U64, id: U64) -> U64:
    """One number for an id within a correlation."""
    return (correlation * _SPREAD) ^ id


def _fold_copies(traces: Traces) -> Traces:
    """The first appearance of each event of each correlation."""
    keys = _keys(traces.correlation, traces.event)
    order = np.lexsort((traces.minor, traces.major, traces.stream, traces.appended, keys))
    ordered = keys[order]
    first = np.ones(order.size, np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return traces.take(order[first])


def _causes(traces: Traces) -> I64:
    """The row of each row's cause in the same correlation; -1 where it is not known."""
    keys = _keys(traces.correlation, traces.event)
    wanted = _keys(traces.correlation, traces.cause)
    order = np.argsort(keys, kind="stable")
    if not order.size:
        return order.astype(np.int64)
    found = order[np.minimum(np.searchsorted(keys[order], wanted), order.size - 1)]
    known = (keys[found] == wanted) & (traces.cause != 0) & (traces.cause != traces.event)
    return np.where(known, found, -1)


def _starts(parent: I64, rows: I64, begins: I64) -> I64:
    """The first row of each correlation that has no cause in it; its first row if all are in rings."""
    if not begins.size:
        return begins
    roots = np.where(parent < 0, rows, rows.size)
    first = np.minimum.reduceat(roots, begins)
    return np.where(first < rows.size, first, begins)
