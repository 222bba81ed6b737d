"""How components and breakers were over time: uptime, days, incidents, refusals."""

from __future__ import annotations

import time
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.params.functions import Path

from dashboard.api.problems import Problem
from dashboard.api.serialise import breaker_json, iso
from dashboard.api.shapes.fleet import BreakerPastShape, ComponentPastShape, HealthDayShape
from dashboard.fleet.breaker import DEFAULT_RANGE, RANGES, BreakerPast, read_breaker
from dashboard.fleet.component import ComponentPast, read_past
from dashboard.fleet.dependencies import Dependency, dependencies_of
from dashboard.fleet.refusals import Refusal
from dashboard.fleet.uptime import DayBar, Incident, Uptime
from ingest.models import BreakerTransition
from ingest.queries import state

__all__ = ["router"]

MOST_INCIDENTS = 1_000

router = Router(tags=["fleet"], by_alias=True)


class BreakerParameters(Schema):
    range: Literal["1h", "6h", "24h", "7d"] = DEFAULT_RANGE


@router.get("/breakers/{path:breaker}", response=BreakerPastShape, operation_id="getBreaker")
def breaker_history(
    request: HttpRequest, parameters: Query[BreakerParameters], breaker: str = Path()
) -> Any:
    """One breaker, `service/name` (`-/name` without a service): when it refused, each change of state."""
    now = time.time_ns() // 1_000_000
    past = read_breaker(breaker, range_ms=RANGES[parameters.range], now_ms=now)
    if past is None:
        raise Problem(404, "No breaker of this name was ever told of.")
    card = past.card
    return {
        "id": card.address,
        "name": card.name,
        "service": card.service,
        "state": card.state,
        "since": iso(card.since_ms),
        "next_probe_at": iso(card.next_probe_ms),
        "stale": card.stale,
        "flapping": card.flapping,
        "open": card.open,
        "instances": [breaker_json(view.breaker) for view in past.views],
        "refusals": [_refusal(past, one) for one in past.refusals[:MOST_INCIDENTS]],
        "changes": [_change(*one) for one in past.changes[:MOST_INCIDENTS]],
    }


@router.get(
    "/health/{path:component}", response=ComponentPastShape, operation_id="getComponentHealth"
)
def component_health(request: HttpRequest, component: str = Path()) -> Any:
    """One component over its instances: how it stands, its uptime, days and incidents of 90 days."""
    now = time.time_ns() // 1_000_000
    views = state.list_components(now_ms=now)
    view = next((view for view in views if view.component == component), None)
    past = read_past(component, now_ms=now)
    if view is None and past is None:
        raise Problem(404, "No component of this name was ever told of.")
    rows = [row for one in views for row in one.instances]
    depends = dependencies_of(component, rows)
    return {
        "id": component,
        "component": component,
        "status": view.status if view else "unknown",
        "since": iso(view.since_ms) if view else None,
        "seen_at": iso(view.seen_ms) if view else None,
        "instances": len(view.instances) if view else 0,
        "reporting": view.reporting if view else 0,
        **_past(past),
        "needs": [_dependency(one) for one in depends.needs],
        "needed_by": [_dependency(one) for one in depends.needed_by],
    }


def _past(past: ComponentPast | None) -> dict[str, Any]:
    if past is None:
        return {"uptimes": [], "days": [], "incidents": []}
    return {
        "uptimes": [_uptime(one) for one in past.uptimes],
        "days": [_day(day) for day in past.days],
        "incidents": [_incident(one) for one in past.incidents[:MOST_INCIDENTS]],
    }


def _uptime(one: Uptime) -> dict[str, Any]:
    return {
        "window": one.window,
        "uptime": one.share,
        "known": one.known,
        "degraded_ms": one.degraded_ms,
        "unhealthy_ms": one.unhealthy_ms,
    }


def _day(day: DayBar) -> dict[str, Any]:
    return {name: getattr(day, name) for name in HealthDayShape.model_fields}


def _incident(one: Incident) -> dict[str, Any]:
    return {
        "status": one.status,
        "started_at": iso(one.from_ms),
        "ended_at": iso(one.until_ms),
        "duration_ms": one.lasted_ms,
        "reason": one.reason,
        "followed_by": one.followed_by or None,
    }


def _dependency(one: Dependency) -> dict[str, Any]:
    return {"name": one.name, "kind": one.kind, "status": one.status}


def _refusal(past: BreakerPast, one: Refusal) -> dict[str, Any]:
    handled = past.handled(one)
    return {
        "instance": one.instance,
        "started_at": iso(one.from_ms),
        "ended_at": iso(one.until_ms),
        "duration_ms": one.lasted_ms(past.now_ms),
        "probes": one.probes,
        "reopened": one.reopened,
        "rejected": one.rejected,
        "reason": one.reason,
        "retried": handled.retried if handled else None,
        "failed": handled.failed if handled else None,
    }


def _change(instance: str, change: BreakerTransition) -> dict[str, Any]:
    return {
        "at": iso(change.at_ms),
        "instance": instance,
        "from": change.from_state or None,
        "to": change.to_state,
        "error_rate": change.error_rate,
        "latency_ms": change.latency_ms,
        "throughput": change.throughput,
        "reason": change.reason,
    }
