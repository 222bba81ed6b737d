"""The audit log."""

from __future__ import annotations

from typing import Any

from dashboard.api.shapes.base import Page, Shape

__all__ = ["AuditPage"]


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
