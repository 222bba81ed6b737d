"""Flows: which types follow which, and which correlations wait for a step that nearly always comes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Field, Query, Router
from ninja.params.functions import Path

from dashboard.api.paging import PageParameters
from dashboard.api.problems import Problem
from dashboard.api.serialise import iso
from dashboard.api.shapes.base import Page, Shape
from dashboard.explore.flows import learnt_flow, learnt_flows, list_stuck
from eventscope.stamps import now_ms
from ingest.models import StuckFlow
from ingest.queries.flows import Flow, FlowStep, expected_steps, flow_state

__all__ = ["router"]

router = Router(tags=["flows"], by_alias=True)


class StepShape(Shape):
    """``share`` is of ``opportunities``, recent days weighing more; delays in ms after ``after``."""

    type: str
    after: str | None = Field(
        description="type of the cause; null: anywhere, delays from the start"
    )
    sources: list[str]
    correlations: int = Field(description="in how many it came")
    opportunities: int = Field(description="in how many it could have come")
    occurrences: int
    share: float
    expected: bool = Field(description="told when it does not come")
    p50: float | None
    p95: float | None
    p99: float | None
    first_seen_at: str | None
    last_seen_at: str | None


class FlowSummaryShape(Shape):
    id: str
    type: str = Field(description="that it begins with")
    sources: list[str]
    correlations: int
    types: int = Field(description="how many types occur in it")
    p50: float | None = Field(description="ms from the first event to the last")
    p95: float | None
    p99: float | None
    stuck: int
    first_seen_at: str | None
    last_seen_at: str | None


class LearningShape(Shape):
    one_in: int = Field(description="learnt from 1 in so many correlations")
    correlations: int = Field(description="learnt, ever")
    open: int
    until: str | None = Field(description="everything appended until then is seen")


class LearntFlowShape(FlowSummaryShape):
    steps: list[StepShape]
    edges: list[StepShape]
    learnt_from: LearningShape


class FlowPage(Page):
    results: list[FlowSummaryShape]


class StuckShape(Shape):
    id: int
    correlation_id: str | None
    type: str = Field(description="that it began with")
    started_at: str | None
    waits_for: str
    from_: str | None = Field(alias="from", description="the source that mostly publishes it")
    after: str
    after_at: str | None
    share: float
    p99: float
    overdue_since: str | None
    late_by_ms: int = Field(description="beyond the p99")
    missing: int = Field(description="how many steps are overdue")
    last_type: str
    last_source: str
    last_at: str | None


class StuckFlowPage(Page):
    results: list[StuckShape]


class StuckParameters(PageParameters):
    type: str = Field("", max_length=200, description="that the flows began with")


@router.get("/flows", response=FlowPage, operation_id="listFlows", summary="Kinds of flows")
def flows(request: HttpRequest) -> Any:
    """What was learnt in the last `[flows] window`, by starting type, the commonest first."""
    stuck = flow_state().stuck
    found = learnt_flows(now_ms=now_ms())
    return {"results": [_summary(flow, stuck) for flow in found], "next": None}


@router.get(
    "/flows/stuck", response=StuckFlowPage, operation_id="listStuckFlows", summary="Stuck flows"
)
def stuck(request: HttpRequest, parameters: Query[StuckParameters]) -> Any:
    """Correlations in which an expected step is overdue now, the longest overdue first."""
    page = list_stuck(start=parameters.type, cursor=parameters.cursor, limit=parameters.limit)
    now = flow_state().watermark_ms
    return {"results": [_stuck(row, now) for row in page.rows], "next": page.next}


@router.get(
    "/flows/{path:type}",
    response=LearntFlowShape,
    operation_id="getFlow",
    summary="One kind of flow",
)
def flow(request: HttpRequest, start: str = Path(alias="type")) -> Any:
    """Which types occur in it, and which follow which after what delay."""
    found = learnt_flow(start, now_ms=now_ms())
    if found is None:
        raise Problem(404, "No flow is known that begins with this type.")
    state = flow_state()
    expected = {one.step for one in expected_steps(found, settings.INGEST.flows)}
    return {
        **_summary(found, state.stuck),
        "steps": [_step(step, expected=False) for step in found.types],
        "edges": [_step(edge, expected=edge in expected) for edge in found.edges],
        "learnt_from": {
            "one_in": 1 << state.bits,
            "correlations": state.learnt,
            "open": state.open,
            "until": iso(state.watermark_ms),
        },
    }


def _summary(flow: Flow, stuck: dict[str, int]) -> dict[str, Any]:
    return {
        "id": flow.start,
        "type": flow.start,
        "sources": list(flow.whole.sources),
        "correlations": flow.whole.correlations,
        "types": len({step.type for step in flow.types} | {flow.start}),
        "stuck": stuck.get(flow.start, 0),
        **_delays(flow.whole),
    }


def _step(step: FlowStep, *, expected: bool) -> dict[str, Any]:
    return {
        "type": step.type,
        "after": step.parent or None,
        "sources": list(step.sources),
        "correlations": step.correlations,
        "opportunities": step.opportunities,
        "occurrences": step.occurrences,
        "share": round(step.share, 6),
        "expected": expected,
        **_delays(step),
    }


def _delays(step: FlowStep) -> dict[str, Any]:
    return {
        "p50": step.p50,
        "p95": step.p95,
        "p99": step.p99,
        "first_seen_at": iso(step.first_ms),
        "last_seen_at": iso(step.last_ms),
    }


def _stuck(row: StuckFlow, now: int) -> dict[str, Any]:
    return {
        "id": row.pk,
        "correlation_id": row.correlation_id or None,
        "type": row.start,
        "started_at": iso(row.started_ms),
        "waits_for": row.type,
        "from_": row.source or None,
        "after": row.parent,
        "after_at": iso(row.parent_ms),
        "share": row.share,
        "p99": row.usual_ms,
        "overdue_since": iso(row.due_ms),
        "late_by_ms": max(0, round(now - row.parent_ms - row.usual_ms)),
        "missing": row.missing,
        "last_type": row.last_type,
        "last_source": row.last_source,
        "last_at": iso(row.last_ms),
    }
