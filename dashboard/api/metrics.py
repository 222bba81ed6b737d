"""Series of the guide's metrics."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from dashboard.api.serialise import iso
from dashboard.api.shapes.metrics import MetricsShape
from dashboard.explore.filters import FilterError, parse_time
from eventscope.stamps import now_ms
from ingest.queries.metrics import read_metrics
from ingest.queries.table import MetricGroup, MetricTable

__all__ = ["router"]

router = Router(tags=["metrics"], by_alias=True)
MOST_POINTS = 11_000
RESOLUTIONS = {"1s": 1, "1m": 60, "1h": 3600, "auto": None}


class MetricParameters(Schema):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    since: str = Field("1h", description="RFC 3339, epoch ms, or an age such as 15m")
    until: str = ""
    resolution: Literal["1s", "1m", "1h", "auto"] = "auto"
    group_by: Literal["", "type", "source", "consumer", "group", "topic"] = ""
    latency: Literal["queue", "processing", "critical", "publish_delay"] = Field(
        "processing", description="which latency p50, p95 and p99 are of"
    )


@router.get("/metrics", response=MetricsShape, operation_id="getMetrics")
def metrics(request: HttpRequest, parameters: Query[MetricParameters]) -> Any:
    """Throughput, error rate and latency. Time that was not observed is null, never zero."""
    now = now_ms()
    since = parse_time("since", parameters.since or "1h", now)
    until = parse_time("until", parameters.until, now) if parameters.until else now
    resolution = RESOLUTIONS[parameters.resolution]
    if since >= until:
        raise FilterError("since", "must be earlier than until")
    if resolution is not None and (until - since) / (resolution * 1000) > MOST_POINTS:
        raise FilterError(
            "resolution", f"more than {MOST_POINTS} points; take a coarser one or less time"
        )
    table = read_metrics(
        since_ms=since, until_ms=until, resolution=resolution, group_by=parameters.group_by
    )
    return _shape(table, parameters, since, until)


def _shape(table: MetricTable, parameters: MetricParameters, since: int, until: int) -> Any:
    return {
        "since": iso(since),
        "until": iso(until),
        "resolution_seconds": table.step_ms / 1000,
        "group_by": parameters.group_by or None,
        "times": [iso(at) for at in table.times_ms],
        "series": [_series(group, parameters) for group in table.groups],
    }


def _series(group: MetricGroup, parameters: MetricParameters) -> dict[str, Any]:
    """Consumers publish nothing under their own name, so their throughput is what they finished."""
    counted = "processed" if parameters.group_by in ("consumer", "group") else "published"
    return {
        "name": group.name,
        "throughput": group.rate(counted),
        "error_rate": group.error_rate(),
        "p50": group.quantiles(parameters.latency, 0.5),
        "p95": group.quantiles(parameters.latency, 0.95),
        "p99": group.quantiles(parameters.latency, 0.99),
        "total": group.total(counted),
        "total_error_rate": group.total_error_rate(),
    }
