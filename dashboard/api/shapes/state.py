"""What is known right now: health, breakers, consumers, topics, scaling."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from dashboard.api.shapes.base import Page, Shape

__all__ = [
    "BreakerPage",
    "ConsumerPage",
    "HealthPage",
    "QuarantinePage",
    "ScalingShape",
    "TopicPage",
]


class HealthShape(Shape):
    id: int
    component: str
    service: str
    instance: str
    status: str
    since: str | None
    seen_at: str | None
    latency_ms: float | None
    checks: list[Any]


class HealthPage(Page):
    results: list[HealthShape]


class BreakerShape(Shape):
    id: int
    name: str
    service: str
    instance: str
    state: str
    since: str | None
    seen_at: str | None
    failure_count: int
    failure_threshold: int
    reset_timeout_ms: float
    half_open_timeout_ms: float
    error_rate: float | None
    latency_ms: float | None
    throughput: float | None
    reason: str


class BreakerPage(Page):
    results: list[BreakerShape]


class ConsumerShape(Shape):
    id: int
    consumer_group: str
    topic: str
    partition: int
    lag: int | None
    pending: int
    consumers: int
    sampled_at: str | None


class ConsumerPage(Page):
    results: list[ConsumerShape]


class TopicShape(Shape):
    id: int
    broker: str
    topic: str
    partition: int
    dead_letters: bool
    stored: int
    undecoded: int
    lost: int
    lag: int
    newest_at: str | None


class TopicPage(Page):
    results: list[TopicShape]


class QuarantinedShape(Shape):
    id: int
    broker: str
    topic: str
    partition: int
    position: str
    received_at: str | None
    reason: str
    size: int = Field(description="bytes that arrived; what is kept of them may be less")
    body: str | None = Field(description="what is kept, as text; null where it is no UTF-8")
    body_base64: str = Field(description="what is kept, byte for byte")
    headers: dict[str, str]


class QuarantinePage(Page):
    results: list[QuarantinedShape]


class ScalingShape(Shape):
    id: str
    consumer_group: str
    backlog: int
    wanted_instances: int
    min_instances: int
    max_instances: int
    unknown: list[str] = Field(description="topics whose backlog the broker does not tell")
