"""Alerts and their episodes' notes."""

from __future__ import annotations

from dashboard.api.shapes.base import Page, Shape

__all__ = ["AlertPage", "AlertShape"]


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
