"""Health, breakers, services and consumer groups as they were last told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from django.conf import settings

from ingest.folds.health_words import RANK
from ingest.models import (
    Breaker,
    BreakerTransition,
    ConsumerGroup,
    HealthComponent,
    HealthResult,
    ServiceEvent,
    ServiceInstance,
)
from ingest.store.streams import is_kafka

__all__ = [
    "OPEN_STATES",
    "BreakerView",
    "ComponentView",
    "GroupBacklog",
    "Life",
    "breaker_transitions",
    "breaker_views",
    "component_results",
    "consumer_backlogs",
    "judge_component",
    "list_breakers",
    "list_components",
    "list_instances",
    "markers",
    "open_breakers",
    "silent_since",
    "unhealthy_components",
]

OPEN_STATES = ("open", "forced_open")
_ORDER = {"healthy": 0, "unknown": 1, "degraded": 2, "unhealthy": 3}
_ROWS = 5_000


class BreakerView(NamedTuple):
    """A breaker instance with its newest transitions, newest first.

    ``silent_ms``: since when its last word says nothing (`silent_since`), None while it does.
    """

    breaker: Breaker
    transitions: list[BreakerTransition]
    silent_ms: int | None = None

    @property
    def stale(self) -> bool:
        """Its last word says nothing of now; then it does not count as open."""
        return self.silent_ms is not None


class ComponentView(NamedTuple):
    """A component over all its instances.

    Instances that have not reported for some intervals do not speak for it while others do; when none
    does its status is ``unknown``. Else it is the worst of those that report.
    """

    component: str
    status: str
    since_ms: int
    seen_ms: int
    latency_ms: float | None
    failures: int
    reporting: int
    instances: list[HealthComponent]


class GroupBacklog(NamedTuple):
    """A consumer group over all streams that it reads. ``lag`` None: the broker does not know it."""

    name: str
    lag: int | None
    pending: int
    consumers: int
    sampled_ms: int
    parts: list[ConsumerGroup]

    @property
    def backlog(self) -> int:
        """What waits, delivered or not."""
        return (self.lag or 0) + self.pending

    @property
    def topics(self) -> dict[str, int]:
        """How many partitions it reads of each topic; 1 of a Redis stream."""
        return dict(Counter(part.stream.topic for part in self.parts))

    @property
    def partitions(self) -> int | None:
        """How many it reads, where each has one reader (Kafka); None where there is no such bound."""
        kafka = all(is_kafka(part.stream.broker) for part in self.parts)
        return len(self.parts) if kafka else None


class Life(NamedTuple):
    """What is known of an instance: when it last began and ended, and when health last told of it."""

    started_ms: int = 0
    stopped_ms: int = 0
    health_ms: int = 0


def silent_since(breaker: Breaker, life: Life, silent_before: int) -> int | None:
    """From when on nothing is known, as the breaker's process has ended since its last word; or None. Pure.

    It has if its instance stopped or started later than that (the first of the two moments), or if the
    instance used to report health and has been silent for some intervals (the last word of either). An
    instance that never told of either is believed.
    """
    after = [at for at in (life.started_ms, life.stopped_ms) if at > breaker.seen_ms]
    if after:
        return min(after)
    told_ms = max(life.health_ms, breaker.seen_ms)
    return told_ms if life.health_ms and told_ms < silent_before else None


def open_breakers(*, now_ms: int | None = None, silent_ms: int | None = None) -> int:
    """Breaker instances that refuse calls now."""
    rows = list(Breaker.objects.filter(state__in=OPEN_STATES)[:_ROWS])
    lives = _lives(rows)
    silent_before = _silent_before(now_ms, silent_ms)
    return sum(
        silent_since(row, lives.get(_place(row), Life()), silent_before) is None for row in rows
    )


def list_breakers(
    *,
    transitions: int = 10,
    limit: int = 500,
    now_ms: int | None = None,
    silent_ms: int | None = None,
) -> list[BreakerView]:
    """Those that are open first, then by the latest change, stale ones last."""
    rows = list(Breaker.objects.order_by("-since_ms", "id")[:limit])
    history = _newest_each(
        BreakerTransition.objects.filter(breaker__in=rows).order_by("-at_ms", "-id")[:_ROWS],
        transitions,
    )
    return breaker_views(rows, history, now_ms=now_ms, silent_ms=silent_ms)


def breaker_views(
    rows: Sequence[Breaker],
    history: Mapping[int, list[BreakerTransition]],
    *,
    now_ms: int | None = None,
    silent_ms: int | None = None,
) -> list[BreakerView]:
    """``rows`` with their ``history`` (newest first, by id) and since when they are silent, in the same order."""
    lives = _lives(rows)
    silent_before = _silent_before(now_ms, silent_ms)
    views = [
        BreakerView(
            row,
            history.get(row.pk, []),
            silent_since(row, lives.get(_place(row), Life()), silent_before),
        )
        for row in rows
    ]
    return sorted(views, key=lambda view: (view.stale, view.breaker.state not in OPEN_STATES))


def _place(row: Breaker | HealthComponent | ServiceInstance) -> tuple[str, str]:
    return row.service, row.instance


def _silent_before(now_ms: int | None, silent_ms: int | None) -> int:
    """Who told nothing since then is silent; ``silent_ms`` is as configured unless it is given."""
    now_ms = int(time.time() * 1000) if now_ms is None else now_ms
    return now_ms - (settings.HEALTH_SILENT_MS if silent_ms is None else silent_ms)


def _lives(rows: Sequence[Breaker]) -> dict[tuple[str, str], Life]:
    """The lives of the instances that ``rows`` stand in, by (service, instance)."""
    services = {row.service for row in rows if row.service}
    if not services:
        return {}
    found: dict[tuple[str, str], Life] = {}
    for one in ServiceInstance.objects.filter(service__in=services)[:_ROWS]:
        found[_place(one)] = Life(one.started_ms or 0, one.stopped_ms or 0)
    told = HealthComponent.objects.filter(service__in=services, probed=False).exclude(instance="")
    for row in told.order_by("seen_ms")[:_ROWS]:
        found[_place(row)] = found.get(_place(row), Life())._replace(health_ms=row.seen_ms)
    return found


def breaker_transitions(breaker_id: int, *, limit: int = 200) -> list[BreakerTransition]:
    """Newest first."""
    rows = BreakerTransition.objects.filter(breaker_id=breaker_id)
    return list(rows.order_by("-at_ms", "-id")[:limit])


def _newest_each(
    rows: Iterable[BreakerTransition], limit: int
) -> dict[int, list[BreakerTransition]]:
    found: dict[int, list[BreakerTransition]] = {}
    for row in rows:
        kept = found.setdefault(row.breaker_id, [])
        if len(kept) < limit:
            kept.append(row)
    return found


def unhealthy_components(*, now_ms: int | None = None, silent_ms: int | None = None) -> int:
    """Components whose word is ``unhealthy``."""
    views = list_components(now_ms=now_ms, silent_ms=silent_ms)
    return sum(view.status == "unhealthy" for view in views)


def list_components(
    *, now_ms: int | None = None, silent_ms: int | None = None
) -> list[ComponentView]:
    """The worst first. An instance counts as silent after `[health] missed` intervals."""
    silent_before = _silent_before(now_ms, silent_ms)
    rows = HealthComponent.objects.order_by("component", "service", "instance")[:_ROWS]
    views = [
        judge_component(list(instances), silent_before)
        for _, instances in groupby(rows, key=lambda row: row.component)
    ]
    return sorted(views, key=lambda view: (-_ORDER.get(view.status, 3), view.component))


def judge_component(instances: Sequence[HealthComponent], silent_before: int) -> ComponentView:
    """One component from its instances. Pure."""
    reporting = [row for row in instances if row.seen_ms >= silent_before]
    speaking = reporting or instances
    worst = max(speaking, key=lambda row: (RANK.get(row.status, 3), row.failures, -row.since_ms))
    seen_ms = max(row.seen_ms for row in instances)
    latencies = [row.latency_ms for row in speaking if row.latency_ms is not None]
    return ComponentView(
        component=worst.component,
        status=worst.status if reporting else "unknown",
        since_ms=worst.since_ms if reporting else seen_ms,
        seen_ms=seen_ms,
        latency_ms=max(latencies, default=None),
        failures=worst.failures,
        reporting=len(reporting),
        instances=list(instances),
    )


def component_results(component: str, *, since_ms: int = 0, limit: int = 500) -> list[HealthResult]:
    """Results of all instances of a component, newest first, each with its row of names."""
    ids = list(
        HealthComponent.objects.filter(component=component).values_list("id", flat=True)[:_ROWS]
    )
    rows = HealthResult.objects.filter(component__in=ids, at_ms__gte=since_ms)
    return list(rows.select_related("component").order_by("-at_ms", "-id")[:limit])


def markers(
    since_ms: int, until_ms: int, *, kinds: Sequence[str] = (), limit: int = 500
) -> list[ServiceEvent]:
    """Starts, stops and errors of [since, until), oldest first; the newest ``limit`` of them."""
    rows = ServiceEvent.objects.filter(at_ms__gte=since_ms, at_ms__lt=until_ms)
    if kinds:
        rows = rows.filter(kind__in=kinds)
    return list(rows.order_by("-at_ms", "-id")[:limit])[::-1]


def list_instances(*, limit: int = 1000) -> list[ServiceInstance]:
    """By service, those heard of last first."""
    return list(ServiceInstance.objects.order_by("service", "-seen_ms", "instance")[:limit])


def consumer_backlogs() -> list[GroupBacklog]:
    """Consumer groups by name."""
    rows = ConsumerGroup.objects.select_related("stream").order_by("name", "stream__topic", "id")
    return [
        _backlog(name, list(parts))
        for name, parts in groupby(rows[:_ROWS], key=lambda row: row.name)
    ]


def _consumers(parts: list[ConsumerGroup]) -> int:
    """Members of the group on each broker; where they were not told yet, readers of its streams."""
    members: dict[str, int] = {}
    for part in parts:
        if part.members is None:
            return sum(each.consumers for each in parts)
        members[part.stream.broker] = max(members.get(part.stream.broker, 0), part.members)
    return sum(members.values())


def _backlog(name: str, parts: list[ConsumerGroup]) -> GroupBacklog:
    lags = [part.lag for part in parts if part.lag is not None]
    return GroupBacklog(
        name=name,
        lag=sum(lags) if len(lags) == len(parts) else None,
        pending=sum(part.pending for part in parts),
        consumers=_consumers(parts),
        sampled_ms=min(part.sampled_ms for part in parts),
        parts=parts,
    )
