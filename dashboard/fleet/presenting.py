"""Health, breakers and consumers as their pages show them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dashboard.fleet.component import Strip
from dashboard.fleet.refusals import is_flapping
from dashboard.fleet.scaling import Advice, advise
from dashboard.options import ScalingOptions
from ingest.models import Breaker, BreakerTransition, HealthComponent, HealthResult
from ingest.options import BreakerOptions
from ingest.queries.absences import Absence
from ingest.queries.breakers import address_of
from ingest.queries.state import BreakerView, ComponentView, GroupBacklog

__all__ = [
    "STATUSES",
    "BreakerCard",
    "ComponentCard",
    "ConsumerRow",
    "InstanceRow",
    "Segment",
    "breaker_cards",
    "component_card",
    "component_cards",
    "consumer_rows",
    "count_statuses",
    "first_told",
    "gaps_of",
    "spark_points",
    "state_segments",
    "whole_line",
]

Absences = Mapping[tuple[str, str], Sequence[Absence]]
"""By (service, instance)."""
STATUSES = ("unhealthy", "degraded", "unknown", "healthy")
STRIP = 30
STATE_WEIGHT = {"forced_open": 4, "open": 3, "half_open": 2, "disabled": 1}
SPARK_WIDTH, SPARK_HEIGHT = 96, 24
TIMELINE_WIDTH = 1000


@dataclass(frozen=True)
class InstanceRow:
    """One instance of a component. ``silent``: it has not reported for some intervals."""

    row: HealthComponent
    silent: bool
    strip: list[HealthResult]


@dataclass(frozen=True)
class ComponentCard:
    view: ComponentView
    instances: list[InstanceRow]
    strip: list[HealthResult]
    probed: bool
    failing: list[dict[str, Any]]
    past: Strip | None = None


@dataclass(frozen=True)
class Segment:
    """A stretch of one state on a line of `TIMELINE_WIDTH`."""

    state: str
    x: float
    width: float


@dataclass(frozen=True)
class BreakerInstance:
    """``next_probe_ms`` is when an open one lets a call through to try; None if it will not."""

    row: Breaker
    next_probe_ms: int | None
    segments: list[Segment]
    silent_ms: int | None = None

    @property
    def stale(self) -> bool:
        return self.silent_ms is not None

    @property
    def has_gap(self) -> bool:
        return any(part.state == "silent" for part in self.segments)


@dataclass(frozen=True)
class BreakerCard:
    """One breaker of a service over its instances; the worst of those that live speaks for it.

    ``stale``: none of them does any more, since ``silent_ms``.
    """

    name: str
    service: str
    state: str
    since_ms: int
    open: int
    next_probe_ms: int | None
    failure_count: int
    failure_threshold: int
    worst: Breaker
    instances: list[BreakerInstance]
    transitions: list[BreakerTransition]
    error_tone: str
    stale: bool = False
    silent_ms: int | None = None
    flapping: bool = False

    @property
    def gaps(self) -> bool:
        """Some instance was not heard for a time."""
        return any(one.has_gap for one in self.instances)

    @property
    def address(self) -> str:
        """As it stands in the address of its page."""
        return address_of(self.service, self.name)

    @property
    def subject(self) -> str:
        """As alerts name it."""
        return f"{self.service} / {self.name}" if self.service else self.name

    @property
    def meter(self) -> list[bool]:
        """One mark a failure that opens it, set for those that happened."""
        return [place < self.failure_count for place in range(self.failure_threshold)]


@dataclass(frozen=True)
class ConsumerRow:
    """One consumer group with what its receipts tell; None where nothing is told.

    ``handlers`` are the consumers that tell of it, if any does.
    """

    view: GroupBacklog
    handlers: Sequence[str]
    backlog: int | None
    per_second: float | None
    error_rate: float | None
    p95: float | None
    trend: str
    advice: Advice
    stale: bool

    @property
    def named_otherwise(self) -> Sequence[str]:
        """Its handlers, unless the only one is named as the group."""
        return () if list(self.handlers) == [self.view.name] else self.handlers


def count_statuses(views: Iterable[ComponentView]) -> dict[str, int]:
    found = dict.fromkeys(STATUSES, 0)
    for view in views:
        found[view.status] = found.get(view.status, 0) + 1
    return found


def component_cards(
    views: Iterable[ComponentView],
    results: Mapping[int, Sequence[HealthResult]],
    *,
    silent_before: int,
    pasts: Mapping[str, Strip],
) -> list[ComponentCard]:
    """``results`` are by component row, newest first; ``pasts`` by name."""
    return [
        component_card(view, results, silent_before, pasts.get(view.component)) for view in views
    ]


def component_card(
    view: ComponentView,
    results: Mapping[int, Sequence[HealthResult]],
    silent_before: int,
    past: Strip | None = None,
) -> ComponentCard:
    rows = [
        InstanceRow(row, row.seen_ms < silent_before, list(results.get(row.pk, ()))[:STRIP][::-1])
        for row in sorted(view.instances, key=lambda row: (-row.seen_ms, row.instance))
    ]
    merged = sorted((item for row in rows for item in row.strip), key=lambda item: item.at_ms)
    return ComponentCard(
        view=view,
        instances=rows,
        strip=merged[-STRIP:],
        probed=any(row.row.probed for row in rows),
        failing=[
            check
            for row in rows
            if not row.silent
            for check in row.row.checks
            if isinstance(check, dict) and check.get("status") not in ("healthy", None)
        ][:5],
        past=past,
    )


def breaker_cards(
    views: Iterable[BreakerView],
    *,
    now_ms: int,
    window_ms: int,
    options: BreakerOptions,
    absences: Absences,
) -> list[BreakerCard]:
    """Refusing ones first, then by name."""
    ordered = sorted(views, key=lambda view: (view.breaker.service, view.breaker.name))
    cards = [
        _breaker_card(list(group), now_ms, window_ms, options, absences)
        for _, group in groupby(ordered, key=lambda view: (view.breaker.service, view.breaker.name))
    ]
    weights = STATE_WEIGHT
    return sorted(cards, key=lambda card: (card.stale, -weights.get(card.state, 0), card.name))


def _breaker_card(
    views: Sequence[BreakerView],
    now_ms: int,
    window_ms: int,
    options: BreakerOptions,
    absences: Absences,
) -> BreakerCard:
    live = [view for view in views if not view.stale]
    worst = max(
        (view.breaker for view in live or views),
        key=lambda row: (STATE_WEIGHT.get(row.state, 0), row.since_ms),
    )
    transitions = sorted(
        (item for view in views for item in view.transitions),
        key=lambda item: (item.at_ms, item.pk or 0),
        reverse=True,
    )
    return BreakerCard(
        name=worst.name,
        service=worst.service,
        state=worst.state,
        since_ms=worst.since_ms,
        open=sum(1 for view in live if view.breaker.state in ("open", "forced_open")),
        next_probe_ms=_next_probe(worst) if live else None,
        failure_count=worst.failure_count,
        failure_threshold=worst.failure_threshold,
        worst=worst,
        instances=[
            BreakerInstance(
                view.breaker,
                None if view.stale else _next_probe(view.breaker),
                state_segments(
                    view.breaker,
                    view.transitions,
                    now_ms - window_ms,
                    now_ms,
                    gaps=gaps_of(view, absences, now_ms),
                ),
                view.silent_ms,
            )
            for view in views
        ],
        transitions=transitions[:12],
        error_tone="bad" if (worst.error_rate or 0) > options.alert_threshold else "",
        stale=not live,
        silent_ms=None if live else max(view.silent_ms or 0 for view in views),
        flapping=any(_flaps(view, now_ms, options) for view in live),
    )


def _flaps(view: BreakerView, now_ms: int, options: BreakerOptions) -> bool:
    return is_flapping(
        view.transitions,
        now_ms=now_ms,
        times=options.flapping,
        window_ms=int(options.flapping_window * 1000),
    )


def _next_probe(row: Breaker) -> int | None:
    if row.state != "open" or not row.reset_timeout_ms:
        return None
    return int(row.since_ms + row.reset_timeout_ms)


def state_segments(
    row: Breaker,
    transitions: Sequence[BreakerTransition],
    from_ms: int,
    until_ms: int,
    *,
    gaps: Sequence[Absence] = (),
) -> list[Segment]:
    """The states between two times, oldest first; what came before the oldest known change is told
    by where that change came from, back to when it was first told of: before that nothing is known, nor
    is it in the ``gaps``."""
    changes = sorted(transitions, key=lambda item: (item.at_ms, item.pk or 0))
    state = changes[0].from_state if changes else row.state
    at, found = from_ms, []
    for change in changes:
        moment = min(max(change.at_ms, from_ms), until_ms)
        if moment > at:
            found.append((state, at, moment))
        state, at = change.to_state, moment
    found.append((state if changes else row.state, at, until_ms))
    begin_ms = min(first_told(row, changes), until_ms)
    if begin_ms > from_ms:
        known = [(state, max(at, begin_ms), end) for state, at, end in found]
        found = [("unknown", from_ms, begin_ms), *known]
    for gap_ms, heard_ms in gaps:
        begin, end = max(gap_ms, from_ms), min(heard_ms, until_ms)
        found = [*_left_of(found, begin), ("silent", begin, end), *_right_of(found, end)]
    span = max(1, until_ms - from_ms)
    return [
        Segment(
            state or "unknown",
            round((begin - from_ms) / span * TIMELINE_WIDTH, 1),
            round((end - begin) / span * TIMELINE_WIDTH, 1),
        )
        for state, begin, end in found
        if end > begin
    ]


def _left_of(found: Sequence[tuple[str, int, int]], at_ms: int) -> list[tuple[str, int, int]]:
    return [(state, begin, min(end, at_ms)) for state, begin, end in found if begin < at_ms]


def _right_of(found: Sequence[tuple[str, int, int]], at_ms: int) -> list[tuple[str, int, int]]:
    return [(state, max(begin, at_ms), end) for state, begin, end in found if end > at_ms]


def gaps_of(view: BreakerView, absences: Absences, now_ms: int) -> list[Absence]:
    """When nothing was known of the instance, oldest first: while it was away, and since it is silent."""
    known = list(absences.get((view.breaker.service, view.breaker.instance), ()))
    return known if view.silent_ms is None else [*known, (view.silent_ms, now_ms)]


def first_told(row: Breaker, changes: Iterable[BreakerTransition] = ()) -> int:
    """When it was first told of; of one from before that was noted, its oldest known moment."""
    if row.first_ms is not None:
        return row.first_ms
    return min((change.at_ms for change in changes), default=row.since_ms)


def whole_line(
    refused: Sequence[tuple[int, int]],
    from_ms: int,
    until_ms: int,
    *,
    first_ms: int = 0,
    silent_ms: int | None = None,
) -> list[Segment]:
    """The stretches in which any instance refused, on a line of the whole time; between them none did, and
    before ``first_ms`` nothing is known, nor from ``silent_ms`` on."""
    span = max(1, until_ms - from_ms)
    told = [("unknown", from_ms, first_ms), *(("open", begin, end) for begin, end in refused)]
    if silent_ms is not None:
        told = [*told, ("silent", silent_ms, until_ms)]
    inside = [(state, max(begin, from_ms), min(end, until_ms)) for state, begin, end in told]
    return [
        Segment(
            state,
            round((begin - from_ms) / span * TIMELINE_WIDTH, 1),
            round((end - begin) / span * TIMELINE_WIDTH, 1),
        )
        for state, begin, end in inside
        if end > begin
    ]


def consumer_rows(
    views: Iterable[GroupBacklog],
    groups: Mapping[str, Any],
    handlers: Mapping[str, Sequence[str]],
    trends: Mapping[str, Sequence[int]],
    *,
    seconds: float,
    options: ScalingOptions,
    stale_before: int,
) -> list[ConsumerRow]:
    """Those with the largest backlog first. ``groups`` are metrics by group over ``seconds``, of those that
    handled anything; ``handlers`` the consumers of every group that ever did."""
    rows = [
        _consumer_row(
            view,
            groups.get(view.name),
            handlers.get(view.name, ()),
            spark_points(trends.get(view.name, ())),
            seconds=seconds,
            options=options,
            stale=view.sampled_ms < stale_before,
        )
        for view in views
    ]
    return sorted(rows, key=lambda row: (-(row.backlog or 0), row.view.name))


def _consumer_row(
    view: GroupBacklog,
    group: Any,
    handlers: Sequence[str],
    trend: str,
    *,
    seconds: float,
    options: ScalingOptions,
    stale: bool,
) -> ConsumerRow:
    backlog = None if view.lag is None else view.backlog
    told = group is not None and seconds > 0
    idle = 0.0 if handlers and seconds > 0 else None
    error_rate = group.total_error_rate() if told else None
    return ConsumerRow(
        view=view,
        handlers=handlers,
        backlog=backlog,
        per_second=group.total("processed") / seconds if told else idle,
        error_rate=error_rate,
        p95=group.total_quantile("processing", 0.95) if told else None,
        trend=trend,
        advice=advise(
            backlog=backlog,
            consumers=view.consumers,
            options=options,
            error_rate=error_rate,
            partitions=view.partitions,
        ),
        stale=stale,
    )


def spark_points(values: Sequence[float]) -> str:
    """Points of a polyline in `SPARK_WIDTH` × `SPARK_HEIGHT`; "" for fewer than two values."""
    if len(values) < 2:
        return ""
    top = max(max(values), 1)
    step = SPARK_WIDTH / (len(values) - 1)
    room = SPARK_HEIGHT - 2
    return " ".join(
        f"{round(index * step, 1)},{round(SPARK_HEIGHT - 1 - room * value / top, 1)}"
        for index, value in enumerate(values)
    )
