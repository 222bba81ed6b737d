"""Components and breakers over time."""

from __future__ import annotations

from pydantic import Field

from dashboard.api.shapes.base import Shape
from dashboard.api.shapes.state import BreakerShape

__all__ = ["BreakerPastShape", "ComponentPastShape", "HealthDayShape"]


class HealthUptimeShape(Shape):
    window: str = Field(description="24h, 7d, 30d, 90d")
    uptime: float | None = Field(
        description="share of the known time in which it was not unhealthy; null: nothing is known"
    )
    known: float = Field(description="share of the window of which anybody told")
    degraded_ms: int
    unhealthy_ms: int


class HealthDayShape(Shape):
    date: str = Field(description="a day in UTC")
    status: str = Field(description="the worst that was told; unknown where nothing was")
    healthy_ms: int
    degraded_ms: int
    unhealthy_ms: int
    unknown_ms: int


class HealthIncidentShape(Shape):
    status: str
    started_at: str | None
    ended_at: str | None = Field(description="null: it goes on")
    duration_ms: int
    reason: str
    followed_by: str | None = Field(description="unknown: nobody knows whether it was over")


class HealthDependencyShape(Shape):
    name: str
    kind: str = Field(description="check, service, component")
    status: str


class ComponentPastShape(Shape):
    id: str
    component: str
    status: str = Field(description="healthy, degraded, unhealthy, unknown")
    since: str | None
    seen_at: str | None
    instances: int
    reporting: int
    uptimes: list[HealthUptimeShape]
    days: list[HealthDayShape] = Field(description="90 of them, oldest first")
    incidents: list[HealthIncidentShape] = Field(description="newest first")
    needs: list[HealthDependencyShape]
    needed_by: list[HealthDependencyShape]


class RefusalShape(Shape):
    instance: str
    started_at: str | None
    ended_at: str | None = Field(description="null: it goes on")
    duration_ms: int
    probes: int = Field(description="how often it was half open meanwhile")
    reopened: int = Field(description="how often the probe failed")
    rejected: int | None = Field(description="calls refused; null: the breaker does not tell")
    reason: str
    retried: int | None = Field(
        description="by the consumer of the service's name meanwhile, whatever the reason; null: not told"
    )
    failed: int | None


class BreakerChangeShape(Shape):
    at: str | None
    instance: str
    from_: str | None = Field(alias="from")
    to: str
    error_rate: float | None
    latency_ms: float | None
    throughput: float | None
    reason: str


class BreakerPastShape(Shape):
    id: str
    name: str
    service: str
    state: str = Field(description="the worst of the instances that live")
    since: str | None
    next_probe_at: str | None = Field(description="when an open one lets a call through to try")
    stale: bool = Field(description="no instance of it lives")
    flapping: bool
    open: int = Field(description="instances that refuse")
    instances: list[BreakerShape]
    refusals: list[RefusalShape] = Field(description="newest first")
    changes: list[BreakerChangeShape] = Field(description="newest first")
