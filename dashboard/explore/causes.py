"""Where an event stands among causes: the chain up to the root, the tree of effects below it; bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dashboard.explore.rows import RECEIPTS, Row, found_by, rows_of
from ingest.queries.events import EventView, find_events

__all__ = ["Chain", "Effect", "lay_out_effects", "read_chain", "read_effects"]

HIGHEST = 20
DEEPEST = 6
MOST_EFFECTS = 100


@dataclass(frozen=True, slots=True)
class Chain:
    """Causes, the root first. ``missing`` is the id of one that is not stored; ``cut``: there are more."""

    events: list[EventView]
    missing: str = ""
    ring: bool = False
    cut: bool = False


@dataclass(slots=True)
class Effect:
    """An event and what it caused in turn."""

    row: Row
    effects: list[Effect] = field(default_factory=list)


def read_chain(event: EventView) -> Chain:
    """The causes of ``event``, from the first one on; one look-up a step."""
    events: list[EventView] = []
    seen, wanted = {event.event_id}, event.causation_id
    while wanted and wanted not in seen and len(events) < HIGHEST:
        seen.add(wanted)
        found = next((one for one in found_by(wanted) if one.event_id == wanted), None)
        if found is None:
            return Chain(events[::-1], missing=wanted)
        events.append(found)
        wanted = found.causation_id
    ring = wanted in seen and wanted not in ("", events[-1].event_id if events else event.event_id)
    return Chain(events[::-1], ring=ring, cut=bool(wanted) and wanted not in seen)


def read_effects(event_id: str) -> tuple[list[Effect], bool]:
    """The tree of what ``event_id`` caused, and whether it is whole; one look-up a level."""
    found: dict[str, EventView] = {}
    level, whole = [event_id], True
    for _ in range(DEEPEST):
        below = _caused_by(level, known=found.keys() | {event_id})
        room = MOST_EFFECTS - len(found)
        whole = whole and len(below) <= room
        found |= dict(list(below.items())[:room])
        level = list(below)[:room]
        if not level:
            break
    else:
        whole = whole and not _caused_by(level, known=found.keys() | {event_id})
    return lay_out_effects(event_id, rows_of(list(found.values()))), whole


def lay_out_effects(event_id: str, rows: Sequence[Row]) -> list[Effect]:
    """``rows``, each below its cause. Pure; each row once, rings cut where they close."""
    by_cause: dict[str, list[Effect]] = {}
    for row in rows:
        by_cause.setdefault(row.event.causation_id, []).append(Effect(row))
    _hang(by_cause)
    return by_cause.get(event_id, [])


def _hang(by_cause: Mapping[str, list[Effect]]) -> None:
    for effects in by_cause.values():
        for effect in effects:
            effect.effects = by_cause.get(effect.row.event.event_id, [])


def _caused_by(ids: Sequence[str], *, known: set[str]) -> dict[str, EventView]:
    """Events that name one of ``ids`` as their cause and were not met yet, by id."""
    causes = set(ids)
    events = find_events(list(ids), limit=10 * MOST_EFFECTS)
    return {
        one.event_id: one
        for one in events
        if one.causation_id in causes and one.event_id not in known and one.event_type != RECEIPTS
    }
