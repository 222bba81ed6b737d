"""Events: in a list, alone, as published."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from dashboard.api.shapes.base import ErrorShape, Page, Shape
from dashboard.api.shapes.letters import DeadLetterShape

__all__ = ["Accepted", "EventDetailShape", "EventPage", "EventShape"]


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


class ReceiptShape(Shape):
    event_id: str
    event_type: str
    consumer: str
    consumer_group: str
    instance: str
    topic: str
    partition: int
    offset: str
    correlation_id: str
    attempt: int
    max_attempts: int
    outcome: str
    produced_at: str | None
    started_at: str | None
    ended_at: str | None
    duration_ms: float | None
    error: ErrorShape | None


class PlaceShape(Shape):
    topic: str
    partition: int | None = Field(description="of a Kafka topic")
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


class PlacedShape(Shape):
    event_id: str
    topic: str
    position: str


class Accepted(Shape):
    results: list[PlacedShape]
