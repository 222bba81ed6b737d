"""What fired together."""

from __future__ import annotations

from pydantic import Field

from dashboard.api.shapes.base import Page, Shape

__all__ = ["IncidentPage"]


class HappeningShape(Shape):
    at: str | None
    kind: str = Field(description="alert or deploy")
    words: str
    alert: int | None
    state: str | None


class IncidentShape(Shape):
    id: int = Field(description="the number of its first alert")
    started_at: str | None
    ended_at: str | None
    firing: int
    cause: int = Field(description="place in happenings of the likely first cause")
    why: list[str]
    happenings: list[HappeningShape]


class IncidentPage(Page):
    results: list[IncidentShape]
