"""Events with what became of each, and the ids that lists and pages name them by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboard.explore.handlings import read_handlings
from dashboard.explore.judging import took_ms
from dashboard.explore.outcomes import outcome_of
from dashboard.explore.story import Handling
from ingest.queries.events import EventView, FoundEvents, find_events

__all__ = ["FOUND_LIMIT", "RECEIPTS", "Row", "correlation_of", "found_by", "rows_of", "rows_with"]

FOUND_LIMIT = 10_000
RECEIPTS = "ProcessingReceipts"


@dataclass(frozen=True, slots=True)
class Row:
    """An event, its outcome ("" for system events), and what consumers did with it."""

    event: EventView
    outcome: str
    handlings: tuple[Handling, ...] = ()

    @property
    def duration_ms(self) -> float | None:
        """Its longest handling; None when none tells."""
        told = (took_ms(one) for one in self.handlings)
        return max((took for took in told if took is not None), default=None)

    @property
    def consumers(self) -> list[str]:
        """Who handled it, by name."""
        return sorted({one.consumer for one in self.handlings})


def rows_of(events: Sequence[EventView]) -> list[Row]:
    """Each event with its outcome; receipts of all are read at once."""
    handlings = read_handlings(
        {event.event_id for event in events},
        since_ms=min((event.appended_ms for event in events), default=None),
    )
    return rows_with(events, handlings)


def rows_with(
    events: Iterable[EventView], handlings: Mapping[str, Sequence[Handling]]
) -> list[Row]:
    """Each event with its outcome, where all handlings are at hand by event id. Pure."""
    rows = []
    for event in events:
        told = tuple(handlings.get(event.event_id, ()))
        rows.append(Row(event, outcome_of(event.event_type, told), told))
    return rows


def found_by(value: str, *, limit: int = FOUND_LIMIT) -> FoundEvents:
    """Events that carry ``value`` as any key, oldest first, without the receipts that only name it."""
    found = find_events([value], limit=limit)
    told = FoundEvents(
        event
        for event in found
        if event.event_type != RECEIPTS or value in (event.event_id, event.correlation_id)
    )
    told.cut = found.cut
    return told


def correlation_of(event: EventView) -> str:
    """The correlation id, which CONTRACT lets fall back on the trace, then on the event itself."""
    return event.correlation_id or event.trace_id or event.event_id
