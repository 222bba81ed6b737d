"""Jobs over dead letters."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from dashboard.api.shapes.base import Page, Shape

__all__ = ["JobPage", "JobShape"]


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
