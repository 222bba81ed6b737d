"""Alerts and their episodes' notes."""

from __future__ import annotations

from dashboard.api.shapes.base import Page, Shape

__all__ = ["ActedShape", "AlertPage", "AlertShape"]


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
    threshold: float | None
    labels: dict[str, str]
    origin: str
    started_at: str | None
    fired_at: str | None
    acknowledged_by: str | None
    acknowledged_at: str | None
    assigned_to: str | None
    resolved_at: str | None
    resolved_by: str | None
    reopened: int
    flapping: bool
    suppressed_by: str | None
    snoozed_until: str | None
    notes: list[NoteShape]


class AlertPage(Page):
    results: list[AlertShape]


class OtherShape(Shape):
    id: int
    reason: str


class ActedShape(Shape):
    changed: list[int]
    others: list[OtherShape]
