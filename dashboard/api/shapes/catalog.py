"""Types as samples tell them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from dashboard.api.shapes.base import Page, Shape

__all__ = ["CatalogPage", "CatalogTypeShape"]


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
