"""The shapes of answers, as the OpenAPI document tells them. Values come from `dashboard.api.serialise`."""

from __future__ import annotations

from typing import Any

from ninja import Schema
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = [
    "Accepted",
    "AlertPage",
    "AlertShape",
    "AuditPage",
    "BreakerPage",
    "CatalogPage",
    "CatalogTypeShape",
    "ConsumerPage",
    "CorrelationShape",
    "DeadLetterGroupPage",
    "DeadLetterPage",
    "EntityKindPage",
    "EntityShape",
    "EventDetailShape",
    "EventPage",
    "HealthPage",
    "JobPage",
    "JobShape",
    "MetricsShape",
    "Page",
    "ScalingShape",
    "Shape",
    "TopicPage",
    "TopologyShape",
]


class Shape(Schema):
    """camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class EventShape(Shape):
    """The envelope as it was published, plus where and when it was received and what became of it."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True)
    event_id: str
    event_type: str
    topic: str
    position: str
    received_at: str | None
    outcome: str | None = Field(
        description="delivered, retried, failed, dead_lettered, unprocessed; null for system events"
    )


class Page(Shape):
    next: str | None = Field(description="cursor of the next page; null at the end")


class SuggestionShape(Shape):
    text: str
    parameters: dict[str, str] = Field(description='to set; "" takes one away')


class SlowShape(Shape):
    reason: str = Field(description="text, handling, limit")
    text: str
    suggestions: list[SuggestionShape]


class EventPage(Page):
    results: list[EventShape]
    scanned: int | None = Field(None, description="events read by a text or outcome scan")
    complete: bool | None = Field(
        None, description="false: the scan's budget ended it; go on with next"
    )
    total: int | None = Field(None, description="events in the range, for a scan's progress")
    read_until: str | None = Field(None, description="how far back a scan has read")
    slow: SlowShape | None = Field(None, description="why the budget ended, and what is quicker")


class ErrorShape(Shape):
    type: str
    message: str
    stack: str


class ReceiptShape(Shape):
    event_id: str
    consumer: str
    consumer_group: str
    instance: str
    topic: str
    attempt: int
    max_attempts: int
    outcome: str
    started_at: str | None
    ended_at: str | None
    duration_ms: float | None
    error: ErrorShape | None


class DeadLetterShape(Shape):
    id: int
    event_id: str
    event_type: str
    source: str
    correlation_id: str
    topic: str
    status: str
    consumer: str
    consumer_group: str
    attempts: int
    error: ErrorShape
    group: str
    received_at: str | None
    first_failed_at: str | None
    last_failed_at: str | None
    archived_at: str | None
    imported_from: str | None


class PlaceShape(Shape):
    topic: str
    position: str
    received_at: str | None
    size: int


class RevealedShape(Shape):
    paths: list[str]
    locked: list[str]


class EventDetailShape(EventShape):
    positions: list[PlaceShape]
    receipts: list[ReceiptShape]
    dead_letters: list[DeadLetterShape]
    redrives: list[dict[str, Any]]
    revealed: RevealedShape | None = Field(
        None, description="with reveal: what was opened, and the keys that would open the rest"
    )


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


class DeadLetterPage(Page):
    results: list[DeadLetterShape]


class DeadLetterGroupShape(Shape):
    id: str
    error_type: str
    error_message: str
    consumer: str
    event_type: str
    count: int
    open: int
    counts: dict[str, int] = Field(description="by status")
    trend: list[int] = Field(description="arrivals in each of the last 24 hours")
    new: bool = Field(description="seen first within the last day")
    regressed: bool = Field(
        description="came again after it was said to be fixed, or had been dealt with"
    )
    deploy: str | None = Field(description="service and version after which it is new or came back")
    muted_until: str | None
    owner: str
    note: str
    ticket: str
    first_received_at: str | None
    last_received_at: str | None


class DeadLetterGroupPage(Page):
    results: list[DeadLetterGroupShape]


class JobCountsShape(Shape):
    requested: int = Field(description="not sent yet")
    published: int = Field(description="on the broker, nothing heard of yet")
    processed: int
    failed: int = Field(description="given up again")
    unknown: int = Field(description="nothing heard of in time")
    skipped: int
    cancelled: int
    sent: int = Field(description="published, processed, failed and unknown")


class LeftOutShape(Shape):
    reason: str
    letters: int


class JobShape(Shape):
    id: int
    kind: str = Field(description="redrive, discard, archive or restore")
    state: str
    dry_run: bool
    created_at: str | None
    created_by: str
    note: str
    expected: int = Field(description="letters selected when the job was made")
    counts: JobCountsShape
    left_out: list[LeftOutShape]
    arrived_since: int = Field(description="letters that came later and are left alone")
    plan: dict[str, Any] | None = Field(description="of a dry run: ways, skipped, warnings")
    rate_per_second: float | None
    canary: int
    canary_share: float
    in_order: bool
    heed: bool
    start_at: str | None
    started_at: str | None
    ended_at: str | None
    waits_for: str | None
    why: str | None = Field(description="why it stopped by itself")


class JobPage(Page):
    results: list[JobShape]


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


class CatalogShape(Shape):
    id: str
    type: str
    sources: list[str]
    topics: list[str]
    consumers: list[str]
    version_names: list[str] = Field(description="those that samples were seen of, newest first")
    events_per_second: float | None = Field(description="of the last hour, as the next two")
    error_rate: float | None
    handled_per_event: float | None = Field(description="finished handlings an event, by receipts")
    average_size: float | None = Field(description="bytes")
    first_seen_at: str | None
    last_seen_at: str | None = Field(description="of the newest sample")


class VersionShape(Shape):
    version: str
    samples: int
    first_seen_at: str | None
    last_seen_at: str | None
    average_size: float
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema 2020-12")


class TypeChangeShape(Shape):
    kind: str = Field(description="version, appeared or gone")
    version: str
    path: str
    at: str | None


class CatalogTypeShape(CatalogShape):
    versions: list[VersionShape]
    changes: list[TypeChangeShape]


class CatalogPage(Page):
    results: list[CatalogShape]


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


class AuditShape(Shape):
    id: int
    at: str | None
    actor: str
    action: str
    subject: str
    detail: Any
    digest: str
    previous: str


class AuditPage(Page):
    results: list[AuditShape]


class NoteShape(Shape):
    at: str | None
    by: str
    kind: str
    note: str


class AlertShape(Shape):
    id: int
    state: str
    severity: str
    rule: str
    subject: str
    summary: str
    value: float | None
    threshold: float
    started_at: str | None
    fired_at: str | None
    acknowledged_by: str | None
    acknowledged_at: str | None
    resolved_at: str | None
    snoozed_until: str | None
    notes: list[NoteShape]


class AlertPage(Page):
    results: list[AlertShape]


class ScalingShape(Shape):
    id: str
    consumer_group: str
    backlog: int
    wanted_instances: int
    min_instances: int
    max_instances: int
    unknown: list[str] = Field(description="topics whose backlog the broker does not tell")


class PlacedShape(Shape):
    event_id: str
    topic: str
    position: str


class Accepted(Shape):
    results: list[PlacedShape]


class EntityKindShape(Shape):
    id: str
    id_path: str
    guessed: bool = Field(description="from [index], not declared in [entities]")
    types: list[str] = Field(description="declared types, as patterns")
    seen_types: list[str] = Field(description="types among the newest events that told of one")
    recent: list[str] = Field(description="ids that the newest events told of")
    last_seen_at: str | None


class EntityKindPage(Page):
    results: list[EntityKindShape]


class ChangeShape(Shape):
    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True)
    path: str = Field(description="items[productId=PROD_001].quantity")
    kind: str = Field(description="added, changed or removed; with before and after as they are")


class EntityEventShape(EventShape):
    step: int
    version: int | None = Field(description="as declared; null where the event tells none")
    known_at: str | None = Field(description="since when this event and all before it are known")
    duplicate: bool = Field(description="another event has this version; not in the state")
    out_of_order: bool
    diff: list[ChangeShape]
    diff_complete: bool
    error: str | None = Field(description="why it could not be applied; it changed nothing then")
    dead_letters: list[int]


class GapShape(Shape):
    first: int
    last: int


class EntityShape(Shape):
    kind: str
    id: str
    guessed: bool
    state: Any = Field(description="after the last event that is known at that moment")
    version: int = Field(description="declared, else how many events made the state")
    at: str | None = Field(description="since when the state is so; null before the first event")
    history: list[EntityEventShape]
    gaps: list[GapShape] = Field(description="versions that no stored event has")
    begins_at: int | None = Field(description="the first version stored, where it is not the first")
    complete: bool = Field(description="false: something is known to be missing")
    problem: str | None = Field(description="why there is no reducer, and so no state")
    next: str | None = Field(description="cursor of the next page of the history; null at its end")
