"""Silences and windows of maintenance."""

from __future__ import annotations

from pydantic import Field

from dashboard.api.shapes.base import Page, Shape

__all__ = ["PreviewShape", "SilencePage", "SilenceShape"]


class SilenceShape(Shape):
    id: int
    name: str = Field(description="what a hushed alert tells as suppressedBy")
    kind: str
    state: str = Field(description="active, planned or ended")
    matchers: list[str]
    comment: str
    begins_at: str | None = Field(description="now, or the next time")
    ends_at: str | None
    weekly: bool
    zone: str
    created_by: str
    created_at: str | None
    ended_by: str | None


class SilencePage(Page):
    results: list[SilenceShape]


class PreviewShape(Shape):
    hushes: int
    alerts: list[int] = Field(description="the newest ten of them")
