"""Entities: the kinds, and one rebuilt from its events up to a moment."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router
from ninja.params.functions import Path
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from dashboard.api.paging import PageParameters, seal, unseal
from dashboard.api.problems import Problem
from dashboard.api.rendering import json_answer
from dashboard.api.serialise import event_json, iso
from dashboard.api.shapes.entities import EntityKindPage, EntityShape
from dashboard.differences import Difference
from dashboard.explore.entities.asking import check_id
from dashboard.explore.entities.entity import Entity, EntityRow, known_kinds, read_entity
from dashboard.explore.entities.kinds import KindSeen, read_kinds
from dashboard.explore.errors import FilterError
from dashboard.explore.values import parse_time
from eventscope.stamps import now_ms

__all__ = ["router"]

router = Router(tags=["entities"], by_alias=True)


class EntityParameters(PageParameters):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    at: str = Field("", max_length=64, description="RFC 3339, epoch ms, or an age; default: now")


@router.get("/entities", response=EntityKindPage, operation_id="listEntityKinds")
def entity_kinds(request: HttpRequest) -> Any:
    """The kinds: declared in `[entities]`, and guessed from `[index]`."""
    seen = read_kinds(settings.INGEST)
    return {"results": [_kind_json(one) for one in seen.kinds], "next": None}


@router.get("/entities/{kind}/{path:id}", response=EntityShape, operation_id="getEntity")
def one_entity(
    request: HttpRequest,
    kind: str,
    parameters: Query[EntityParameters],
    entity_id: str = Path(alias="id"),
) -> Any:
    """The history up to `at`, oldest first, what each event changed, and the state that it makes."""
    check_id("id", entity_id)
    known = known_kinds().get(kind)
    entity = None if known is None else read_entity(known, entity_id)
    if known is None or entity is None:
        raise Problem(404, f"No stored event tells of {kind} {entity_id}.")
    at_ms = parse_time("at", parameters.at, now_ms()) if parameters.at else None
    step = entity.steps if at_ms is None else entity.step_at(at_ms)
    identity = f"entity {kind} {entity_id} {parameters.at}"
    first = _first_step(entity, unseal(parameters.cursor, identity))
    last = min(first + parameters.limit - 1, step)
    rows = entity.rows(first, last) if first <= last else []
    following = seal(_place(entity, last), identity) if last < step else None
    return json_answer(_entity_json(entity, step, rows, following))


def _first_step(entity: Entity, place: Any) -> int:
    """The step behind the event that a cursor names; an event that came between shifts nothing."""
    if place is None:
        return 1
    step = entity.step_of(place)
    if step is None:
        raise FilterError("cursor", "names an event that is not stored any more; start again")
    return step + 1


def _place(entity: Entity, step: int) -> str:
    return entity.events[step - 1].event_id


def _entity_json(
    entity: Entity, step: int, rows: list[EntityRow], following: str | None
) -> dict[str, Any]:
    state = entity.fold.state_after(step)
    return {
        "kind": entity.kind.name,
        "id": entity.id,
        "guessed": entity.kind.guessed,
        "state": state,
        "version": entity.version(step),
        "at": iso(entity.known_ms(step)),
        "history": [_row_json(row) for row in rows],
        "gaps": [
            {"first": gap.first, "last": gap.last} for gap in entity.gaps if gap.before < step
        ],
        "beginsAt": entity.arranged.begins_at,
        "complete": entity.complete,
        "problem": entity.problem or None,
        "next": following,
    }


def _row_json(row: EntityRow) -> dict[str, Any]:
    """The event with its place in the entity."""
    return {
        **event_json(row.event, row.outcome),
        "step": row.step,
        "version": row.place.version,
        "knownAt": iso(row.place.known_ms),
        "duplicate": row.place.duplicate,
        "outOfOrder": row.place.late,
        "diff": _diff_json(row.changes),
        "diffComplete": row.changes.whole,
        "error": row.error or None,
        "deadLetters": [letter.pk for letter in row.dead_letters],
    }


def _diff_json(changes: Difference) -> list[dict[str, Any]]:
    """``before`` and ``after`` as far as they are, with the path as page and people write it."""
    told = []
    for change in changes.changes:
        one: dict[str, Any] = {"path": change.label, "kind": change.kind}
        if change.kind != "added":
            one["before"] = change.before
        if change.kind != "removed":
            one["after"] = change.after
        told.append(one)
    return told


def _kind_json(seen: KindSeen) -> dict[str, Any]:
    options = seen.kind.options
    return {
        "id": seen.kind.name,
        "id_path": seen.kind.id_path,
        "guessed": seen.kind.guessed,
        "types": list(options.types) if options else [],
        "seen_types": seen.types,
        "recent": seen.recent,
        "last_seen_at": iso(seen.last_ms),
    }
