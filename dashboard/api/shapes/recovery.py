"""Failures, edits, imports, rules and retries."""

from __future__ import annotations

from pydantic import Field

from dashboard.api.shapes.base import Page, Shape
from dashboard.api.shapes.jobs import LeftOutShape

__all__ = [
    "EditShape",
    "FailureShape",
    "FiringPage",
    "ImportShape",
    "PatchShape",
    "RetryDoneShape",
    "RetryPage",
    "RulePage",
    "RuleShape",
]


class FailureEntryShape(Shape):
    at: str | None
    by: str
    kind: str = Field(
        description="described, fixed, muted, unmuted, merged, split, divided or joined"
    )
    text: str


class FailureShape(Shape):
    id: str
    owner: str
    note: str
    ticket: str
    fixed_at: str | None = Field(description="when somebody said that it is fixed")
    muted_until: str | None
    merged_into: str | None = Field(description="the failure that it counts with")
    history: list[FailureEntryShape] = Field(description="the newest first, 50 at the most")


class ViolationShape(Shape):
    path: str
    kind: str = Field(description="missing, unknown or type")
    message: str


class EditShape(Shape):
    letter: int
    event: str = Field(description="the new event as it would be sent")
    violations: list[ViolationShape] | None = Field(
        description="how its payload differs from the learnt schema; null where too little was learnt"
    )


class PatchSampleShape(Shape):
    letter: int
    event_id: str
    reason: str = Field(description="why it is left out; empty if it is not")
    changes: list[str] = Field(description="lines that go (-) and come (+)")


class PatchShape(Shape):
    fits: int
    left_out: list[LeftOutShape]
    samples: list[PatchSampleShape] = Field(description="of the first ten letters")


class ImportShape(Shape):
    letters: int = Field(description="of the file that are here now")
    known: int = Field(description="of them, those that had been before")
    withheld: int = Field(description="of them, those without their event")


class RuleShape(Shape):
    id: int
    match: str = Field(description="error or failure")
    value: str
    actions: list[str]
    mode: str = Field(description="off, tried (a dry run) or on")
    configured: bool = Field(description="it stands in [dead_letters.handlers]")
    would_match: int = Field(description="letters of the last 24 hours that it is for")
    fired: int = Field(description="letters that it did something to in the last 24 hours")
    tried: int = Field(description="the same while it was tried, when nothing was done")
    wrong: str | None = Field(description="why its actions cannot be read")
    changed_by: str
    changed_at: str | None


class RulePage(Page):
    results: list[RuleShape]


class FiringShape(Shape):
    id: int
    rule: int
    letter: int
    step: str
    tried: bool = Field(description="only noted, nothing was done")
    at: str | None
    job: int | None


class FiringPage(Page):
    results: list[FiringShape]


class RetryShape(Shape):
    broker: str
    topic: str
    group: str
    entry: str
    event_id: str
    event_type: str
    correlation_id: str
    attempts: int
    due_at: str | None
    overdue: bool
    movable: bool = Field(description="its delay can be ended; on Kafka it cannot")


class RetryPage(Page):
    results: list[RetryShape]
    total: int = Field(description="how many wait in all")
    away: list[str] = Field(description="brokers that did not answer")


class RetryDoneShape(Shape):
    due: bool = Field(description="false: it does not wait any more")
