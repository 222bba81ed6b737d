"""One entity rebuilt from its stored events: the page, the API and the links read it here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from django.conf import settings

from dashboard.differences import Difference, difference
from dashboard.explore.entities.fold import Fold
from dashboard.explore.entities.history import (
    Arranged,
    Gap,
    Place,
    Seen,
    arrange,
    read_version,
    steps_at,
)
from dashboard.explore.entities.reducers import make_reducer
from dashboard.explore.handlings import dead_letters_of, join
from dashboard.explore.outcomes import outcome_of
from eventscope.envelope import Event
from eventscope.errors import ReducerError
from eventscope.reducers import Reducer
from ingest.models import DeadLetter
from ingest.queries.entities import (
    EntityKind,
    EntityRef,
    entities_of,
    entity_kinds,
    find_entity_events,
    values_at,
)
from ingest.queries.events import EventView
from ingest.queries.receipts import receipts_for

__all__ = [
    "Entity",
    "EntityRow",
    "known_kinds",
    "read_entity",
    "refs_of",
]

MOST_EVENTS = 20_000
MOST_LINKED = 200
"""Events of a page that are looked at for entities to link to."""


class EntityRow(NamedTuple):
    """One step of a history: what the event changed, what failed, and what became of the event."""

    step: int
    event: EventView
    place: Place
    gap: Gap | None
    changes: Difference
    error: str
    outcome: str
    dead_letters: list[DeadLetter]


@dataclass(frozen=True)
class Entity:
    """An entity's events in order; step n is the state after the first n of them.

    ``whole`` is False when it has more events than are read, ``problem`` says why there is no state.
    """

    kind: EntityKind
    id: str
    events: list[EventView]
    documents: list[dict[str, Any]]
    arranged: Arranged
    whole: bool
    reducer: Reducer
    problem: str = ""

    @property
    def steps(self) -> int:
        return len(self.events)

    @property
    def gaps(self) -> list[Gap]:
        return self.arranged.gaps

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing, in the history or in the state."""
        missing = self.gaps or self.arranged.begins_at is not None
        return self.whole and not missing and self.fold.stopped is None and not self.problem

    @cached_property
    def fold(self) -> Fold:
        events = list(map(_kit_event, self.events, self.documents))
        twins = {at for at, place in enumerate(self.arranged.places) if place.duplicate}
        return Fold(events, self.reducer, skipped=twins)

    def step_at(self, at_ms: int) -> int:
        return steps_at(self.arranged.places, at_ms)

    def step_of(self, event_id: str) -> int | None:
        """The step that an event makes; None when it is none of this entity's."""
        ids = (document["eventId"] for document in self.documents)
        return next((step for step, id in enumerate(ids, 1) if id == event_id), None)

    def known_ms(self, step: int) -> int | None:
        """Since when the state of a step is known; None before the first event."""
        return self.arranged.places[step - 1].known_ms if step else None

    def version(self, step: int) -> int:
        """The declared version after a step, else how many events made the state."""
        told = (place.version for place in reversed(self.arranged.places[:step]))
        return next((version for version in told if version is not None), step)

    def changes(self, first: int, last: int) -> list[Difference]:
        """What each of the steps ``first`` … ``last`` changed."""
        states = self.fold.states(first - 1, last)
        return [difference(before, after) for before, after in pairwise(states)]

    def rows(self, first: int, last: int) -> list[EntityRow]:
        """The steps ``first`` … ``last`` with what became of their events, read in one go."""
        events = self.events[first - 1 : last]
        letters = dead_letters_of({event.event_id for event in events})
        outcomes = _outcomes(events, letters)
        gaps = {gap.before: gap for gap in self.gaps}
        changes = self.changes(first, last) if events else []
        return [
            EntityRow(
                step=step,
                event=event,
                place=self.arranged.places[step - 1],
                gap=gaps.get(step - 1),
                changes=changed,
                error=self.fold.errors.get(step - 1, ""),
                outcome=outcomes[event.event_id],
                dead_letters=[one for one in letters if one.event_id == event.event_id],
            )
            for step, (event, changed) in enumerate(zip(events, changes, strict=True), first)
        ]


def known_kinds() -> dict[str, EntityKind]:
    """Declared and guessed kinds by name."""
    return entity_kinds(settings.INGEST)


def read_entity(kind: EntityKind, entity_id: str) -> Entity | None:
    """The entity; None when no stored event tells of it."""
    found = find_entity_events(kind, entity_id, limit=MOST_EVENTS)
    if not found.events:
        return None
    path = kind.options.version if kind.options else ""
    seen = [
        Seen(document["eventId"], event.appended_ms, event.occurred_ms, _version(document, path))
        for event, document in found.events
    ]
    arranged = arrange(seen, versioned=bool(path))
    ordered = [found.events[place.index] for place in arranged.places]
    reducer, problem = _reducer_or_problem(kind)
    return Entity(
        kind=kind,
        id=entity_id,
        events=[event for event, _ in ordered],
        documents=[document for _, document in ordered],
        arranged=arranged,
        whole=found.whole,
        reducer=reducer,
        problem=problem,
    )


def refs_of(events: Sequence[EventView]) -> list[EntityRef]:
    """The entities that ``events`` tell of, those of most of them first."""
    kinds = known_kinds().values()
    counts: dict[EntityRef, int] = {}
    for event in events[:MOST_LINKED]:
        for ref in entities_of(event, kinds):
            counts[ref] = counts.get(ref, 0) + 1
    return sorted(counts, key=lambda ref: -counts[ref])


def _reducer_or_problem(kind: EntityKind) -> tuple[Reducer, str]:
    try:
        return make_reducer(kind.options), ""
    except ReducerError as error:
        return _unchanged, str(error)


def _unchanged(state: Any, event: Event) -> Any:
    return state


def _version(document: dict[str, Any], path: str) -> int | None:
    found = values_at(document, path) if path else []
    return read_version(found[0]) if found else None


def _kit_event(event: EventView, document: dict[str, Any]) -> Event:
    metadata = document.get("metadata")
    return Event(
        event_id=document["eventId"],
        event_type=event.event_type,
        timestamp=str(document.get("timestamp") or ""),
        payload=document.get("payload"),
        metadata=metadata if isinstance(metadata, dict) else {},
        topic=event.topic,
        position=event.position,
    )


def _outcomes(events: Sequence[EventView], letters: Sequence[DeadLetter]) -> dict[str, str]:
    since = min((event.appended_ms for event in events), default=None)
    handlings = join(receipts_for([event.event_id for event in events], since_ms=since), letters)
    return {
        event.event_id: outcome_of(event.event_type, handlings.get(event.event_id, ()))
        for event in events
    }
