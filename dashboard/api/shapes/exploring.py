"""The shapes of answers around a list of events."""

from __future__ import annotations

from pydantic import Field

from dashboard.api.shapes.base import Shape
from dashboard.api.shapes.events import EventShape

__all__ = ["FacetsShape", "HistogramShape", "QueryShape", "TailShape"]

BASIS = (
    "counts: of events, and of handlings for their outcome; handlings: of the consumer asked for; "
    "events: those that were read"
)


class BinShape(Shape):
    at: str
    counts: dict[str, int] = Field(description="by outcome; system events under system")
    known: bool = Field(description="false: nobody looked then")


class HistogramShape(Shape):
    since: str
    until: str
    step_seconds: float
    bins: list[BinShape]
    exact: bool = Field(description="false: events were read, down to readUntil only")
    basis: str = Field(description=BASIS)
    read_until: str | None


class FacetShape(Shape):
    name: str
    count: int


class FacetsShape(Shape):
    types: list[FacetShape]
    sources: list[FacetShape]
    topics: list[FacetShape]
    consumers: list[FacetShape]
    outcomes: list[FacetShape]
    exact: bool
    basis: str = Field(description=BASIS)


class TailShape(Shape):
    results: list[EventShape]
    next: str = Field(description="to be asked with as after")
    skipped: int = Field(description="events that came too and are not shown")
    more: bool = Field(description="even more were skipped than were counted")


class ParameterShape(Shape):
    name: str
    value: str


class QueryShape(Shape):
    parameters: list[ParameterShape]
    text: str = Field(description="the same, as it would be written")
