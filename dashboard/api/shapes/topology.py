"""The map of who publishes what, and who handles it."""

from __future__ import annotations

from pydantic import Field

from dashboard.api.shapes.base import Shape

__all__ = ["TopologyShape"]


class NodeShape(Shape):
    id: str
    kind: str = Field(description="source, topic or consumer")
    name: str
    events_per_second: float | None = Field(description="over the last 15 minutes")
    error_rate: float | None


class FlowShape(Shape):
    start: str
    end: str
    types: list[str]


class TopologyShape(Shape):
    nodes: list[NodeShape]
    edges: list[FlowShape]
