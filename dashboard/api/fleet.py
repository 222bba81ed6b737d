"""How a component was over time: uptime, days, incidents."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router
from ninja.params.functions import Path

from dashboard.api.problems import Problem
from dashboard.api.serialise import iso
from dashboard.api.shapes.base import Shape
from dashboard.fleet.component import ComponentPast, read_past
from dashboard.fleet.dependencies import Dependency, dependencies_of
from dashboard.fleet.uptime import DayBar, Incident, Uptime
from ingest.queries import state

__all__ = ["router"]

MOST_INCIDENTS = 1_000

router = Router(tags=["fleet"], by_alias=True)


class UptimeShape(Shape):
    window: str = Field(description="24h, 7d, 30d, 90d")
    uptime: float | None = Field(
        description="share of the known time in which it was not unhealthy; null: nothing is known"
    )
    known: float = Field(description="share of the window of which anybody told")
    degraded_ms: int
    unhealthy_ms: int


class DayShape(Shape):
    date: str = Field(description="a day in UTC")
    status: str = Field(description="the worst that was told; unknown where nothing was")
    healthy_ms: int
    degraded_ms: int
    unhealthy_ms: int
    unknown_ms: int


class IncidentShape(Shape):
    status: str
    started_at: str | None
    ended_at: str | None = Field(description="null: it goes on")
    duration_ms: int
    reason: str
    followed_by: str | None = Field(description="unknown: nobody knows whether it was over")


class DependencyShape(Shape):
    name: str
    kind: str = Field(description="check, service, component")
    status: str


class ComponentShape(Shape):
    id: str
    component: str
    status: str = Field(description="healthy, degraded, unhealthy, unknown")
    since: str | None
    seen_at: str | None
    instances: int
    reporting: int
    uptimes: list[UptimeShape]
    days: list[DayShape] = Field(description="90 of them, oldest first")
    incidents: list[IncidentShape] = Field(description="newest first")
    needs: list[DependencyShape]
    needed_by: list[DependencyShape]


@router.get("/health/{path:component}", response=ComponentShape, operation_id="getComponentHealth")
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
    return {name: getattr(day, name) for name in DayShape.model_fields}


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
