"""Reading what was learnt of flows: which types follow which, how often, how soon; what is expected.

Days are weighed by their age, so that the shape of last week fades; counts are told as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from django.db.models import Count, QuerySet

from ingest.models import FlowCount, FlowState, StuckFlow
from ingest.options import FlowOptions
from ingest.sketch import BINS, quantile

__all__ = [
    "DAY_MS",
    "HALF_LIFE_DAYS",
    "Expectation",
    "Flow",
    "FlowStep",
    "count_stuck",
    "expected_steps",
    "flow_state",
    "flows_of",
    "open_delays",
    "pack_delays",
    "read_flow",
    "read_flows",
    "read_overviews",
    "stuck_flows",
    "stuck_steps",
]

I64 = npt.NDArray[np.int64]

DAY_MS = 86_400_000
HALF_LIFE_DAYS = 2.0
USUAL_SHARE = 0.5
KNOWN_FROM = 10
MOST_STEPS_TOLD = 8
INSTEAD_SHARE = 0.5
_SCALE = 1_000
"""Weighed counts are rounded to thousandths."""


class FlowStep(NamedTuple):
    """One step: ``type`` after ``parent`` ("": anywhere in the flow). Delays in ms, None if unknown.

    ``opportunities`` is in how many correlations it could have come: those in which the parent did.
    ``without`` tells of steps expected after the same parent, and in how many of the correlations
    that had this one they did not come.
    """

    parent: str
    type: str
    sources: tuple[str, ...]
    correlations: int
    opportunities: int
    occurrences: int
    share: float
    p50: float | None
    p95: float | None
    p99: float | None
    first_ms: int
    last_ms: int
    without: tuple[tuple[str, int], ...] = ()

    @property
    def each(self) -> float:
        """How many come where any does."""
        return self.occurrences / self.correlations if self.correlations else 0.0


class Flow(NamedTuple):
    """What begins with one type. ``whole`` is the flow itself; its delays are how long it takes.

    ``types`` are the steps anywhere in the flow, ``edges`` those after their cause's type.
    """

    start: str
    whole: FlowStep
    types: tuple[FlowStep, ...]
    edges: tuple[FlowStep, ...]


class Expectation(NamedTuple):
    """A step that nearly always comes, and when it is late: ``limit_ms`` after its cause.

    ``beside`` are the types that may follow the same cause without being its alternative.
    """

    step: FlowStep
    limit_ms: float
    beside: frozenset[str]


def read_flows(*, since_ms: int, now_ms: int) -> dict[str, Flow]:
    """Every flow by its starting type; one query."""
    return flows_of(_since(since_ms), today=now_ms // DAY_MS)


def read_flow(start: str, *, since_ms: int, now_ms: int) -> Flow | None:
    """What begins with ``start``; None when nothing did. One query."""
    found = flows_of(_since(since_ms).filter(start=start), today=now_ms // DAY_MS)
    return found.get(start)


def read_overviews(*, since_ms: int, now_ms: int) -> list[Flow]:
    """Every flow, those that began most often first; one query."""
    flows = read_flows(since_ms=since_ms, now_ms=now_ms).values()
    return sorted(flows, key=lambda flow: (-flow.whole.correlations, flow.start))


def flow_state() -> FlowState:
    """How far flows are learnt; an empty one before anything was."""
    return FlowState.objects.first() or FlowState()


def count_stuck() -> dict[str, int]:
    """How many flows are stuck now, by starting type; among the correlations that are looked at."""
    return {str(start): int(count) for start, count in flow_state().stuck.items()}


def stuck_flows(*, start: str = "", waits_for: str = "") -> QuerySet[StuckFlow]:
    """Stuck flows, the one that is overdue longest first."""
    rows = StuckFlow.objects.order_by("due_ms", "pk")
    if start:
        rows = rows.filter(start=start)
    return rows.filter(type=waits_for) if waits_for else rows


def stuck_steps(*, start: str = "") -> list[tuple[str, str, int]]:
    """What the listed stuck flows wait for: type, source, how many; the commonest first."""
    counted = (
        stuck_flows(start=start)
        .order_by()
        .values_list("type", "source")
        .annotate(count=Count("pk"))
        .order_by("-count", "type", "source")
    )
    return [(type, source, count) for type, source, count in counted[:MOST_STEPS_TOLD]]


def expected_steps(flow: Flow, options: FlowOptions) -> list[Expectation]:
    """The steps of ``flow`` whose absence is worth telling, and when they are late. Pure."""
    return [
        Expectation(
            edge,
            max(options.late_factor * (edge.p99 or 0.0), options.late_least * 1000),
            frozenset(other.type for other in flow.edges if _is_beside(other, edge)),
        )
        for edge in flow.edges
        if edge.opportunities >= options.samples and edge.share >= options.share
    ]


def _is_beside(other: FlowStep, expected: FlowStep) -> bool:
    """Whether ``other`` comes as well as ``expected``, not in its stead.

    A cancelled order is not shipped: what is unusual after a cause, and mostly comes where the
    expected step does not, is another way to go on. So is what was hardly ever seen.
    """
    if other.parent != expected.parent:
        return False
    if other.type == expected.type or other.share >= USUAL_SHARE:
        return True
    lacked = dict(other.without).get(expected.type, 0)
    return other.correlations >= KNOWN_FROM and lacked < other.correlations * INSTEAD_SHARE


def pack_delays(bins: npt.ArrayLike, counts: npt.ArrayLike) -> bytes:
    """A sketch as bytes: its bins in use, then how often each was counted."""
    return np.asarray(bins).astype("<u2").tobytes() + np.asarray(counts).astype("<u4").tobytes()


def open_delays(data: bytes | memoryview) -> I64:
    """The counts of a packed sketch by bin."""
    size = len(data) // 6
    counts = np.zeros(BINS, np.int64)
    bins = np.frombuffer(data, "<u2", size)
    counts[bins] = np.frombuffer(data, "<u4", size, 2 * size)
    return counts


def flows_of(rows: Iterable[FlowCount], *, today: int) -> dict[str, Flow]:
    """The rows of any days joined. Pure."""
    sums: dict[str, dict[tuple[str, str], _Sum]] = {}
    for row in rows:
        steps = sums.setdefault(row.start, {})
        place = (row.parent, row.type)
        if place not in steps:
            steps[place] = _Sum(row)
        steps[place].add(row, 0.5 ** (max(0, today - row.day) / HALF_LIFE_DAYS))
    return {start: _flow(start, steps) for start, steps in sums.items() if ("", "") in steps}


class _Sum:
    """One step over several days; ``weighed`` fades with age."""

    def __init__(self, row: FlowCount) -> None:
        self.correlations = self.occurrences = 0
        self.weighed = 0.0
        self.delays = np.zeros(BINS)
        self.sources: dict[str, int] = {}
        self.without: dict[str, int] = {}
        self.first_ms, self.last_ms = row.first_ms, row.last_ms

    def add(self, row: FlowCount, weight: float) -> None:
        self.correlations += row.correlations
        self.occurrences += row.occurrences
        self.weighed += weight * row.correlations
        self.delays += weight * open_delays(row.delays)
        for known, added in ((self.sources, row.sources), (self.without, row.without)):
            for name, count in added.items():
                known[name] = known.get(name, 0) + count
        self.first_ms = min(self.first_ms, row.first_ms)
        self.last_ms = max(self.last_ms, row.last_ms)


def _flow(start: str, steps: Mapping[tuple[str, str], _Sum]) -> Flow:
    """A step after the flow's own first type could have come in every correlation of it."""
    whole = steps["", ""]

    def step(place: tuple[str, str]) -> FlowStep:
        parent, type = place
        base = whole if parent in ("", start) else steps.get(("", parent), whole)
        return _step(parent, type, steps[place], base)

    made = [step(place) for place in sorted(steps) if place != ("", "")]
    made.sort(key=lambda one: (-one.correlations, one.parent, one.type))
    return Flow(
        start=start,
        whole=step(("", "")),
        types=tuple(one for one in made if not one.parent),
        edges=tuple(one for one in made if one.parent),
    )


def _step(parent: str, type: str, total: _Sum, base: _Sum) -> FlowStep:
    counts = np.round(total.delays * _SCALE).astype(np.int64)
    p50, p95, p99 = (quantile(_BINS, counts, q) for q in (0.5, 0.95, 0.99))
    return FlowStep(
        parent=parent,
        type=type,
        sources=tuple(sorted(total.sources, key=lambda name: (-total.sources[name], name))),
        correlations=total.correlations,
        opportunities=base.correlations,
        occurrences=total.occurrences,
        share=min(1.0, total.weighed / base.weighed) if base.weighed else 0.0,
        p50=p50,
        p95=p95,
        p99=p99,
        first_ms=total.first_ms,
        last_ms=total.last_ms,
        without=tuple(sorted(total.without.items())),
    )


_BINS = np.arange(BINS)


def _since(since_ms: int) -> QuerySet[FlowCount]:
    return FlowCount.objects.filter(day__gte=since_ms // DAY_MS)
