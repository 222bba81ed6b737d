"""Events and correlations: list, detail, story, publish."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from ninja.params.functions import Path
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from dashboard.accounts.audit import record
from dashboard.accounts.models import Role
from dashboard.api.binary_events import structured_body
from dashboard.api.drafts import Draft, DraftError, parse_drafts
from dashboard.api.problems import Problem
from dashboard.api.publishing import publish_drafts
from dashboard.api.rendering import json_answer
from dashboard.api.security import actor, require
from dashboard.api.serialise import correlation_json, detail_json, event_json, iso, slow_json
from dashboard.api.shapes.correlations import CorrelationShape
from dashboard.api.shapes.events import Accepted, EventDetailShape, EventPage
from dashboard.explore.catalog import topic_of_type
from dashboard.explore.filters import MAX_LIMIT, parse_event_query
from dashboard.explore.flows import read_expected
from dashboard.explore.listing import read_listing
from dashboard.explore.reading import read_event, read_story
from dashboard.explore.revealing import reveal, reveal_role
from eventscope.stamps import now_ms

__all__ = ["EventFilters", "router"]

router = Router(tags=["events"], by_alias=True)
LONGEST_TOPIC = 255


class EventFilters(Schema):
    """The filters of the list; names of types, sources and topics may be globs, comma-separated."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    id: str = Field("", description="event id")
    correlation_id: str = ""
    causation_id: str = ""
    trace_id: str = ""
    type: list[str] = Field([], description="ORDER_*, PAYMENT_PROCESSED")
    source: list[str] = Field([])
    topic: list[str] = Field([])
    entity: str = Field("", description="kind:id")
    consumer: list[str] = Field([], description="who handled it")
    outcome: list[str] = Field(
        [], description="delivered, retried, failed, dead_lettered, unprocessed"
    )
    duration: str = Field("", description="the longest handling took more: >500ms")
    key: str = Field(
        "", description="any indexed value; each path of [index] is a parameter of its own too"
    )
    q: list[str] = Field([], description="texts in the payload; a bounded scan")
    since: str = Field("", description="RFC 3339, epoch ms, or an age such as 15m")
    until: str = ""
    range: str = Field("", description="5m, 15m, 1h, 6h, 24h, 7d, all")
    order: str = Field("", description="newest (default) or oldest")
    system: str = Field("", description="hide leaves out receipts, health reports and the like")


class EventParameters(EventFilters):
    limit: int = Field(100, ge=1, le=MAX_LIMIT)
    cursor: str = ""


class DetailParameters(Schema):
    reveal: bool = Field(
        False, description="open encrypted values: needs the role of [privacy] reveal, is audited"
    )


class TopicParameter(Schema):
    topic: str = Field("", max_length=LONGEST_TOPIC, description="for events that name none")


@router.get("/events", response=EventPage, operation_id="listEvents", summary="List events")
def list_of_events(request: HttpRequest, parameters: Query[EventParameters]) -> Any:
    """Newest first, keyset-paged. A text or outcome filter also answers how far it read."""
    now = now_ms()
    query = parse_event_query(
        dict(request.GET.lists()), now_ms=now, limit=100, indexed=settings.INGEST.index.paths
    )
    listing = read_listing(query, now_ms=now)
    return json_answer(
        {
            "results": [event_json(row.event, row.outcome) for row in listing.rows],
            "next": listing.next,
            "scanned": listing.scanned,
            "complete": listing.complete,
            "total": listing.total,
            "readUntil": iso(listing.until_ms),
            "slow": slow_json(listing.slow),
        }
    )


@router.post(
    "/events",
    response={202: Accepted},
    operation_id="publishEvents",
    summary="Publish events",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"oneOf": [{"type": "object"}, {"type": "array"}]},
                    "example": {
                        "eventType": "ORDER_CREATED",
                        "payload": {"orderId": "ORD_789"},
                        "topic": "orders-topic",
                    },
                }
            },
        }
    },
)
def publish(request: HttpRequest, parameters: Query[TopicParameter]) -> Any:
    """One event or a list, native or CloudEvents. All are published, or, if any is wrong, none."""
    require(request, Role.OPERATOR)
    drafts = _drafts(request, parameters.topic)
    places = publish_drafts(drafts)
    topics = sorted({draft.topic for draft in drafts})
    record(
        actor=actor(request),
        action="events.published",
        subject=", ".join(topics),
        detail={"events": len(drafts), "first": drafts[0].event_id},
    )
    results = [
        {"event_id": draft.event_id, "topic": draft.topic, "position": place}
        for draft, place in zip(drafts, places, strict=True)
    ]
    return Status(202, {"results": results})


@router.get(
    "/events/{path:eventId}",
    response=EventDetailShape,
    operation_id="getEvent",
    summary="One event",
)
def one_event(
    request: HttpRequest,
    parameters: Query[DetailParameters],
    event_id: str = Path(alias="eventId"),
) -> Any:
    """The envelope, where it was seen, its receipts, dead letters and redrives."""
    if parameters.reveal:
        require(request, reveal_role())
    page = read_event(event_id)
    if page is None:
        raise Problem(404, "No event with this id is stored.")
    if not parameters.reveal:
        return json_answer(detail_json(page))
    opened = reveal(page.event, by=actor(request))
    page.event.envelope = opened.envelope
    told = {"paths": opened.paths, "locked": opened.locked}
    return json_answer({**detail_json(page), "revealed": told})


@router.get(
    "/correlations/{path:id}",
    response=CorrelationShape,
    operation_id="getCorrelation",
    summary="One correlation's story",
)
def one_correlation(request: HttpRequest, correlation_id: str = Path(alias="id")) -> Any:
    """Events in causal order with their handlings, the edges, the critical path, what is missing."""
    told = read_story(correlation_id)
    if told is None:
        raise Problem(404, "No event of this correlation is stored.")
    expected = read_expected(told.story, now_ms=now_ms())
    return json_answer(correlation_json(told, correlation_id, expected))


def _drafts(request: HttpRequest, topic: str) -> list[Draft]:
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        raise Problem(415, f"A body in the coding {coding!r} is not read; send it as it is.")
    try:
        drafts, errors = parse_drafts(
            structured_body(request.headers, request.body),
            now_ms=now_ms(),
            brokers=settings.INGEST.brokers,
            topic=topic,
            topic_of_type=_Topics(),
        )
    except DraftError as error:
        drafts, errors = [], [error]
    if errors:
        raise Problem(
            400,
            f"{len(errors)} of the events cannot be published; none was.",
            errors=[
                {"index": error.index, "place": error.place, "message": error.message}
                for error in errors
            ],
        )
    return drafts


class _Topics:
    """`topic_of_type`, asked once a type."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, event_type: str) -> str:
        if event_type not in self._known:
            self._known[event_type] = topic_of_type(event_type)
        return self._known[event_type]
