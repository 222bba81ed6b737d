"""Series of metrics."""

from __future__ import annotations

from pydantic import Field

from dashboard.api.shapes.base import Shape

__all__ = ["MetricsShape"]


class SeriesShape(Shape):
    name: str
    throughput: list[float | None] = Field(description="events per second")
    error_rate: list[float | None]
    p50: list[float | None] = Field(description="milliseconds")
    p95: list[float | None]
    p99: list[float | None]
    total: int = Field(description="events of the whole range, in whole buckets")
    total_error_rate: float | None


class MetricsShape(Shape):
    since: str
    until: str
    resolution_seconds: float
    group_by: str | None
    times: list[str]
    series: list[SeriesShape]
