"""What stands around a list of events: its histogram, its facets, its live end, its query as text."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from dashboard.api.events import EventFilters
from dashboard.api.rendering import json_answer
from dashboard.api.serialise import event_json, iso
from dashboard.api.shapes.exploring import (
    FacetsShape,
    HistogramShape,
    QueryShape,
    TailShape,
)
from dashboard.explore.facets import Facet, read_facets
from dashboard.explore.filters import EventQuery, parse_event_query
from dashboard.explore.histogram import Bin, read_histogram
from dashboard.explore.querytext import format_query_text, parse_query_text
from dashboard.explore.tail import read_tail
from eventscope.stamps import now_ms

__all__ = ["router"]

router = Router(tags=["events"], by_alias=True)
MOST_BINS = 500


class HistogramParameters(EventFilters):
    bins: int = Field(60, ge=1, le=MOST_BINS, description="at most about so many")


class TailParameters(EventFilters):
    after: str = Field(
        "", max_length=2048, description="next of the answer before; empty begins now"
    )


class TextParameter(Schema):
    text: str = Field("", description='type:ORDER_* outcome:failed since:1h "no stock"')


@router.get("/event-histogram", response=HistogramShape, operation_id="getEventHistogram")
def histogram(request: HttpRequest, parameters: Query[HistogramParameters]) -> Any:
    """Events over time by outcome, for the same filters as the list. Time that was not observed is not known."""
    now = now_ms()
    told = read_histogram(_query(request, now, "bins"), now_ms=now, bins=parameters.bins)
    return {
        "since": iso(told.from_ms),
        "until": iso(told.until_ms),
        "step_seconds": told.step_ms / 1000,
        "bins": [_bin(one) for one in told.bins],
        "exact": told.exact,
        "basis": told.basis,
        "read_until": iso(told.read_until_ms),
    }


@router.get("/event-facets", response=FacetsShape, operation_id="getEventFacets")
def facets(request: HttpRequest, parameters: Query[EventFilters]) -> Any:
    """How the events of the list divide by type, source, topic, consumer and outcome."""
    now = now_ms()
    told = read_facets(_query(request, now), now_ms=now)
    return {
        "types": _facets(told.types),
        "sources": _facets(told.sources),
        "topics": _facets(told.topics),
        "consumers": _facets(told.consumers),
        "outcomes": _facets(told.outcomes),
        "exact": told.exact,
        "basis": told.basis,
    }


@router.get("/event-tail", response=TailShape, operation_id="getEventTail")
def tail(request: HttpRequest, parameters: Query[TailParameters]) -> Any:
    """What has arrived since the answer before, newest first; what one answer has no room for is counted."""
    now = now_ms()
    told = read_tail(_query(request, now, "after"), parameters.after, now_ms=now)
    return json_answer(
        {
            "results": [event_json(row.event, row.outcome) for row in told.rows],
            "next": told.next,
            "skipped": told.skipped,
            "more": told.more,
        }
    )


@router.get("/event-query", response=QueryShape, operation_id="readEventQuery")
def query_text(request: HttpRequest, parameters: Query[TextParameter]) -> Any:
    """The query bar's text as the list's parameters; a 400 tells the character and the reason."""
    paths = settings.INGEST.index.paths
    pairs = parse_query_text(parameters.text, now_ms=now_ms(), indexed=paths)
    return {
        "parameters": [{"name": name, "value": value} for name, value in pairs],
        "text": format_query_text(pairs, indexed=paths),
    }


def _query(request: HttpRequest, now_ms: int, *own: str) -> EventQuery:
    given = {name: values for name, values in request.GET.lists() if name not in own}
    return parse_event_query(given, now_ms=now_ms, indexed=settings.INGEST.index.paths)


def _bin(one: Bin) -> dict[str, Any]:
    """System events have no outcome; they stand under ``system``."""
    counts = {name or "system": count for name, count in one.counts.items()}
    return {"at": iso(one.at_ms), "counts": counts, "known": one.known}


def _facets(told: list[Facet]) -> list[dict[str, Any]]:
    return [{"name": one.name, "count": one.count} for one in told]
