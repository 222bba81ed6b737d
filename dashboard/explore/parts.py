"""The parts of a story: events with their handlings, what is missing, what was quiet. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

__all__ = ["Bar", "Gap", "Handling", "HappenedEvent", "Missing", "Row", "Step", "Story"]

FAILURES = frozenset({"failed", "dead_lettered"})
ENDED_WELL = frozenset({"success", "retry", "skipped"})


class HappenedEvent(Protocol):
    """What a story needs of an event; `ingest.queries.events.EventView` has it."""

    @property
    def event_id(self) -> str: ...
    @property
    def event_type(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def appended_ms(self) -> int: ...
    @property
    def occurred_ms(self) -> int | None: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def causation_id(self) -> str: ...


class Handling(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt of one consumer at one event, as its receipt told."""

    event_id: str
    consumer: str
    outcome: str
    group: str = ""
    instance: str = ""
    event_type: str = ""
    topic: str = ""
    partition: int = 0
    offset: str = ""
    correlation_id: str = ""
    attempt: int = 1
    max_attempts: int = 0
    produced_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    duration_ms: float | None = None
    error_type: str = ""
    error_message: str = ""
    error_stack: str = ""


class Bar(msgspec.Struct, frozen=True, gc=False):
    """A handling on the axis; ``end_ms`` ≥ ``start_ms`` ≥ its event's ``at_ms``, always."""

    handling: Handling
    start_ms: int
    end_ms: int
    queue_ms: int
    processing_ms: float
    shift_ms: int


State = Literal["root", "child", "orphan", "ring"]


@dataclass(slots=True)
class Step:
    """One event in the story. ``copies`` counts further appearances of the same id."""

    event_id: str
    event: HappenedEvent
    at_ms: int
    end_ms: int
    parent: str = ""
    depth: int = 0
    state: State = "root"
    shift_ms: int = 0
    copies: list[HappenedEvent] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    critical: bool = False
    share: float = 0.0


@dataclass(slots=True)
class Missing:
    """An event that others name as their cause, but that is not among the stored ones."""

    event_id: str
    at_ms: int
    children: list[str] = field(default_factory=list)
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which nothing happened: no event, no handling."""

    from_ms: int
    until_ms: int
    after: str
    before: str

    @property
    def duration_ms(self) -> int:
        return self.until_ms - self.from_ms


Row = Step | Missing


@dataclass(slots=True)
class Story:
    """``rows`` is the forest in display order; ``edges`` are (cause, effect) among stored events."""

    correlation_id: str
    rows: list[Row]
    edges: list[tuple[str, str]]
    critical_path: list[str]
    gaps: list[Gap]
    started_ms: int
    ended_ms: int
    skews: dict[str, int]

    @property
    def steps(self) -> list[Step]:
        return [row for row in self.rows if isinstance(row, Step)]

    @property
    def missing(self) -> list[Missing]:
        return [row for row in self.rows if isinstance(row, Missing)]

    @property
    def duration_ms(self) -> int:
        return self.ended_ms - self.started_ms
