"""The list of stuck flows: which rows it should hold, and making it so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ingest.flows.joining import Joined, Kinds
from ingest.flows.overdue import Lacking
from ingest.models import StuckFlow
from ingest.queries.places import event_at

__all__ = ["MOST_STUCK", "Stuck", "list_stuck", "name_new", "write_stuck"]

MOST_STUCK = 1_000
"""Rows; all are counted."""
NAMED_AT_ONCE = 100
_FIELDS = (
    "last_type",
    "last_source",
    "last_ms",
    "parent",
    "parent_ms",
    "type",
    "source",
    "missing",
    "share",
    "usual_ms",
    "due_ms",
)


class Stuck(NamedTuple):
    """``rows`` by correlation, not saved; ``counts`` by starting type, of all."""

    rows: dict[int, StuckFlow]
    places: dict[int, tuple[int, int, int, int]]
    counts: dict[str, int]


def list_stuck(joined: Joined, kinds: Kinds, overdue: Lacking, *, most: int = MOST_STUCK) -> Stuck:
    """One row a correlation, for the step that is overdue longest; the oldest ``most`` of them. Pure."""
    groups, first, missing = np.unique(overdue.group, return_index=True, return_counts=True)
    starts = joined.type[joined.start[groups]]
    counts = Counter(kinds.types[code] for code in starts.tolist())
    chosen = np.argsort(overdue.due[first], kind="stable")[:most]
    rows: dict[int, StuckFlow] = {}
    places: dict[int, tuple[int, int, int, int]] = {}
    for at in chosen.tolist():
        row = _row(joined, kinds, overdue, int(first[at]))
        row.missing = int(missing[at])
        rows[row.correlation] = row
        places[row.correlation] = _place(joined, int(joined.start[groups[at]]))
    return Stuck(rows, places, dict(counts))


def name_new(stuck: Stuck, *, most: int = NAMED_AT_ONCE) -> Stuck:
    """Without the new ones that there was no time to look the id of their correlation up for."""
    named = dict(
        StuckFlow.objects.filter(correlation__in=list(stuck.rows)).values_list(
            "correlation", "correlation_id"
        )
    )
    left = most
    kept: dict[int, StuckFlow] = {}
    for correlation, row in stuck.rows.items():
        if correlation not in named:
            if not left:
                continue
            left -= 1
            named[correlation] = _correlation_id(stuck.places[correlation])
        row.correlation_id = named[correlation]
        kept[correlation] = row
    return stuck._replace(rows=kept)


def write_stuck(rows: Iterable[StuckFlow]) -> None:
    """Make the table hold exactly ``rows``, in the caller's transaction."""
    known = {row.correlation: row for row in StuckFlow.objects.all()}
    made, changed = [], []
    for row in rows:
        before = known.pop(row.correlation, None)
        if before is None:
            made.append(row)
        elif _told(before) != _told(row):
            row.pk = before.pk
            changed.append(row)
    StuckFlow.objects.filter(pk__in=[row.pk for row in known.values()]).delete()
    StuckFlow.objects.bulk_create(made, batch_size=100)
    StuckFlow.objects.bulk_update(changed, _FIELDS, batch_size=100)


def _told(row: StuckFlow) -> tuple[object, ...]:
    return tuple(getattr(row, field) for field in _FIELDS)


def _row(joined: Joined, kinds: Kinds, overdue: Lacking, at: int) -> StuckFlow:
    group, parent = int(overdue.group[at]), int(overdue.parent[at])
    step = overdue.expected[int(overdue.step[at])].step
    traces, start = joined.traces, int(joined.start[group])
    end = int(joined.begins[group + 1]) if group + 1 < joined.size else traces.event.size
    last = int(joined.begins[group]) + int(traces.appended[joined.begins[group] : end].argmax())
    return StuckFlow(
        correlation=int(traces.correlation[start].view(np.int64)),
        start=kinds.types[int(joined.type[start])],
        started_ms=int(traces.appended[start]),
        last_type=kinds.types[int(joined.type[last])],
        last_source=kinds.sources[int(joined.source[last])],
        last_ms=int(traces.appended[last]),
        parent=step.parent,
        parent_ms=int(traces.appended[parent]),
        type=step.type,
        source=step.sources[0] if step.sources else "",
        share=round(step.share, 6),
        usual_ms=step.p99 or 0.0,
        due_ms=int(overdue.due[at]),
    )


def _place(joined: Joined, row: int) -> tuple[int, int, int, int]:
    """Stream, append time and position of a row's event."""
    traces = joined.traces
    return (
        int(traces.stream[row]),
        int(traces.appended[row]),
        int(traces.major[row]),
        int(traces.minor[row]),
    )


def _correlation_id(place: tuple[int, int, int, int]) -> str:
    stream, appended, major, minor = place
    event = event_at(stream_id=stream, appended_ms=appended, major=major, minor=minor)
    return (event.correlation_id or event.event_id)[:255] if event else ""
