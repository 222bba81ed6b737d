"""Entities: their kinds, and one's history and state."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from dashboard.api.shapes.base import Page, Shape
from dashboard.api.shapes.events import EventShape

__all__ = ["EntityKindPage", "EntityShape"]


class EntityKindShape(Shape):
    id: str
    id_path: str
    guessed: bool = Field(description="from [index], not declared in [entities]")
    types: list[str] = Field(description="declared types, as patterns")
    seen_types: list[str] = Field(description="types among the newest events that told of one")
    recent: list[str] = Field(description="ids that the newest events told of")
    last_seen_at: str | None


class EntityKindPage(Page):
    results: list[EntityKindShape]


class ChangeShape(Shape):
    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True)
    path: str = Field(description="items[productId=PROD_001].quantity")
    kind: str = Field(description="added, changed or removed; with before and after as they are")


class EntityEventShape(EventShape):
    step: int
    version: int | None = Field(description="as declared; null where the event tells none")
    known_at: str | None = Field(description="since when this event and all before it are known")
    duplicate: bool = Field(description="another event has this version; not in the state")
    out_of_order: bool
    diff: list[ChangeShape]
    diff_complete: bool
    error: str | None = Field(description="why it could not be applied; it changed nothing then")
    dead_letters: list[int]


class GapShape(Shape):
    first: int
    last: int


class EntityShape(Shape):
    kind: str
    id: str
    guessed: bool
    state: Any = Field(description="after the last event that is known at that moment")
    version: int = Field(description="declared, else how many events made the state")
    at: str | None = Field(description="since when the state is so; null before the first event")
    history: list[EntityEventShape]
    gaps: list[GapShape] = Field(description="versions that no stored event has")
    begins_at: int | None = Field(description="the first version stored, where it is not the first")
    complete: bool = Field(description="false: something is known to be missing")
    problem: str | None = Field(description="why there is no reducer, and so no state")
    next: str | None = Field(description="cursor of the next page of the history; null at its end")
