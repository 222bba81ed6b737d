"""What the pages and the API show of one event, one correlation, one pasted id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from dashboard.explore.entities.entity import refs_of
from dashboard.explore.handlings import dead_letters_of, join
from dashboard.explore.outcomes import outcome_of
from dashboard.explore.redrives import Redrive, redrive_of
from dashboard.explore.rows import FOUND_LIMIT, Row, correlation_of, found_by, rows_of
from dashboard.explore.story import Handling, Story, build_story
from ingest.envelopes import stored_id
from ingest.models import DeadLetter
from ingest.queries.entities import EntityRef
from ingest.queries.events import EventFilter, EventView, list_events
from ingest.queries.receipts import receipts_for

__all__ = ["EventPage", "Found", "Told", "read_event", "read_story", "search"]

LISTED = 50
MOST_AT_ONCE = 1000
DEAD_LETTER = "DeadLettered"


@dataclass(frozen=True, slots=True)
class Told:
    """A correlation's story. ``complete`` is False when it has more events than are read."""

    story: Story
    outcomes: dict[str, str]
    dead_letters: dict[str, list[DeadLetter]]
    complete: bool
    redrives: dict[str, list[Redrive]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventPage:
    """One event: where it was seen (``copies`` further times), by whom handled, what it caused."""

    event: EventView
    copies: list[EventView]
    handlings: list[Handling]
    dead_letters: list[DeadLetter]
    outcome: str
    cause: EventView | None
    effects: list[Row]

    @property
    def correlation_id(self) -> str:
        return correlation_of(self.event)


@dataclass(frozen=True, slots=True)
class Found:
    """What a pasted value leads to: one correlation (and an event in it), or several.

    ``entities`` are those whose id it is, where there are several.
    """

    correlation_id: str = ""
    event_id: str = ""
    correlations: list[FoundCorrelation] = field(default_factory=list)
    events: int = 0
    entities: list[EntityRef] = field(default_factory=list)


@dataclass(slots=True)
class FoundCorrelation:
    """A correlation in which the value occurs; ``first`` and ``last`` are those events of it."""

    correlation_id: str
    events: list[EventView] = field(default_factory=list)

    @property
    def first(self) -> EventView:
        return self.events[0]

    @property
    def last(self) -> EventView:
        return self.events[-1]


def read_story(correlation_id: str) -> Told | None:
    """The story of a correlation; None when no event has this id as its correlation."""
    correlation_id = stored_id(correlation_id)
    found = found_by(correlation_id, limit=FOUND_LIMIT + 1)
    events = [
        event
        for event in found[:FOUND_LIMIT]
        if correlation_of(event) == correlation_id and event.event_type != DEAD_LETTER
    ]
    if not events:
        return None
    ids = list({event.event_id for event in events})
    letters = dead_letters_of(ids)
    since = min(event.appended_ms for event in events)
    handlings = join(receipts_for(ids, since_ms=since), letters)
    story = build_story(
        correlation_id, events, (one for told in handlings.values() for one in told)
    )
    types = {event.event_id: event.event_type for event in events}
    by_event: dict[str, list[DeadLetter]] = {}
    for letter in letters:
        by_event.setdefault(letter.event_id, []).append(letter)
    return Told(
        story=story,
        outcomes={name: outcome_of(kind, handlings.get(name, ())) for name, kind in types.items()},
        dead_letters=by_event,
        complete=len(found) <= FOUND_LIMIT and not found.cut,
        redrives=_redrives(story),
    )


def _redrives(story: Story) -> dict[str, list[Redrive]]:
    """By event, oldest first. Only events that were seen more than once are decoded for it."""
    found: dict[str, list[Redrive]] = {}
    for step in story.steps:
        for copy in step.copies:
            if redrive := redrive_of(cast("EventView", copy)):
                found.setdefault(step.event_id, []).append(redrive)
    return found


def read_event(event_id: str) -> EventPage | None:
    """Everything about one event; None when it is not stored."""
    event_id = stored_id(event_id)
    found = found_by(event_id)
    same = [event for event in found if event.event_id == event_id] or _at_place(event_id)
    if not same:
        return None
    event = same[0]
    letters = dead_letters_of([event_id])
    receipts = receipts_for([event_id], since_ms=event.appended_ms)
    handlings = join(receipts, letters).get(event_id, [])
    caused = [one for one in found if one.causation_id == event_id and one.event_id != event_id]
    return EventPage(
        event=event,
        copies=same[1:],
        handlings=sorted(handlings, key=lambda one: (one.started_ms or 0, one.attempt)),
        dead_letters=letters,
        outcome=outcome_of(event.event_type, handlings),
        cause=_cause(event),
        effects=rows_of(caused[:LISTED]),
    )


def search(value: str) -> Found:
    """Where the pasted ``value`` leads.

    A correlation id leads to its story, an event id to the story it stands in, any other indexed
    value to the one correlation that holds it, or to the list of those that do, newest first.
    """
    value = stored_id(value)
    found = found_by(value)
    if any(correlation_of(event) == value for event in found):
        return Found(correlation_id=value, events=len(found))
    for event in found:
        if event.event_id == value:
            return Found(correlation_id=correlation_of(event), event_id=value, events=len(found))
    grouped: dict[str, FoundCorrelation] = {}
    for event in found:
        name = correlation_of(event)
        grouped.setdefault(name, FoundCorrelation(name)).events.append(event)
    if len(grouped) == 1:
        return Found(correlation_id=next(iter(grouped)), events=len(found))
    newest = sorted(grouped.values(), key=lambda one: one.last.appended_ms, reverse=True)
    refs = [ref for ref in refs_of(found) if ref.id == value]
    return Found(correlations=newest, events=len(found), entities=refs)


def _at_place(name: str) -> list[EventView]:
    """The event that is named by its place (``topic@ms-seq``), as one is whose id cannot be read."""
    topic, _, position = name.rpartition("@")
    at = position.partition("-")[0]
    if not topic or not (at.isascii() and at.isdigit() and len(at) < 16):
        return []
    where = EventFilter(topics=(topic,), since_ms=int(at), until_ms=int(at) + 1)
    page = list_events(where, limit=MOST_AT_ONCE)
    return [event for event in page.events if event.position == position]


def _cause(event: EventView) -> EventView | None:
    if not event.causation_id or event.causation_id == event.event_id:
        return None
    found = (one for one in found_by(event.causation_id) if one.event_id == event.causation_id)
    return next(found, None)
