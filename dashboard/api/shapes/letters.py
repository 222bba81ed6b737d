"""Dead letters and their failure groups."""

from __future__ import annotations

from pydantic import Field

from dashboard.api.shapes.base import ErrorShape, Page, Shape

__all__ = ["DeadLetterGroupPage", "DeadLetterPage", "DeadLetterShape"]


class DeadLetterShape(Shape):
    id: int
    event_id: str
    event_type: str
    source: str
    correlation_id: str
    topic: str
    partition: int
    offset: str
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
