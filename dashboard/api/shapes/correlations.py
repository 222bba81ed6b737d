"""The story of a correlation."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from dashboard.api.shapes.base import Shape
from dashboard.api.shapes.events import EventShape

__all__ = ["CorrelationShape"]


class CorrelationEventShape(EventShape):
    at: str | None
    depth: int
    parent: str | None
    state: str = Field(description="root, child, orphan (its cause is missing) or ring")
    shifted_ms: int = Field(description="how far it was moved so as not to stand before its cause")
    handlings: list[dict[str, Any]]


class EdgeShape(Shape):
    cause: str
    effect: str


class MissingShape(Shape):
    """``cause``: an event that others name, but that is not stored. ``step``: what usually follows."""

    kind: str = Field(description="cause or step")
    event_id: str | None = Field(description="of the cause that is not stored")
    named_by: list[str]
    type: str | None = Field(None, description="of the step")
    source: str | None = Field(None, description="who mostly publishes it")
    after: str | None = Field(None, description="event id after which it should come")
    share: float | None = Field(None, description="in how many it comes")
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    verdict: str | None = Field(
        None,
        description="waiting: may still come in time; missing: overdue; never: given up; late: came",
    )
    late_by_ms: int | None = Field(None, description="beyond the p99")


class StretchShape(Shape):
    kind: str = Field(description="processing, queue, retry, publish or idle (no receipt tells)")
    service: str
    event_id: str
    started_at: str | None
    duration_ms: int


class CorrelationShape(Shape):
    correlation_id: str
    started_at: str | None
    ended_at: str | None
    duration_ms: int
    events: list[CorrelationEventShape]
    edges: list[EdgeShape]
    critical_path: list[str]
    time_spent: list[StretchShape]
    missing: list[MissingShape]
    complete: bool
