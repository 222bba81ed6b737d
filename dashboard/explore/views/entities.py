"""Entities: the kinds there are, and one entity through time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from dashboard.explore.entities.asking import EntityAsk, check_id, parse_entity_ask
from dashboard.explore.entities.entity import Entity, known_kinds, read_entity
from dashboard.explore.entities.kinds import read_kinds
from dashboard.explore.entities.page import draw_ticks, moment_query, window_of
from dashboard.explore.entities.tree import state_tree
from dashboard.explore.errors import FilterError
from dashboard.explore.folding import pretty_json
from dashboard.explore.views.shared import refused
from eventscope.stamps import now_ms
from ingest.queries.entities import EntityKind

__all__ = ["entities_page", "entity_page"]

BUSY_STEPS = 1000
REFRESH, SLOW_REFRESH = 3, 15


def entities_page(request: HttpRequest) -> HttpResponse:
    """The kinds of entities; with ``?kind=&id=`` on to that one."""
    name, entity_id = request.GET.get("kind", "").strip(), request.GET.get("id", "").strip()
    if name and entity_id:
        try:
            _kind(name)
            check_id("id", entity_id)
        except FilterError as error:
            return refused(request, error)
        return redirect("explore:entity", kind=name, entity_id=entity_id)
    context = {"seen": read_kinds(settings.INGEST), "chosen": name}
    return render(request, "explore/entities.html", context)


def entity_page(request: HttpRequest, kind: str, entity_id: str) -> HttpResponse:
    """One entity at one step; with htmx only the part that another step changes."""
    try:
        ask = parse_entity_ask(dict(request.GET.lists()), now_ms=now_ms())
        entity = read_entity(_kind(kind), check_id("id", entity_id))
        if entity is None:
            raise Http404(f"No stored event tells of {kind} {entity_id}.")
        context = _context(entity, ask)
    except FilterError as error:
        return refused(request, error)
    part = request.headers.get("HX-Request")
    return render(request, "explore/_entity.html" if part else "explore/entity.html", context)


def chosen_step(entity: Entity, ask: EntityAsk) -> int:
    """The step that is asked for. Raises `FilterError` for an event that is none of the entity's."""
    if ask.event_id:
        step = entity.step_of(ask.event_id)
        if step is None:
            raise FilterError("event", f"{ask.event_id} does not tell of {entity.id}")
        return step
    if ask.at_ms is not None:
        return entity.step_at(ask.at_ms)
    return entity.steps if ask.step is None else min(ask.step, entity.steps)


def _kind(name: str) -> EntityKind:
    kinds = known_kinds()
    if name not in kinds:
        known = ", ".join(sorted(kinds)) or "none; declare one under [entities]"
        raise FilterError("kind", f"{name[:40]!r} is no kind of entity; known: {known}")
    return kinds[name]


def _context(entity: Entity, ask: EntityAsk) -> dict[str, Any]:
    step = chosen_step(entity, ask)
    window = window_of(entity.steps, step, ask.first)
    rows = entity.rows(window.first, window.last)
    state = entity.fold.state_after(step)
    chosen = entity.changes(step, step)[0] if step else None
    places = entity.arranged.places
    order = "" if ask.newest_first else "order=oldest"
    here = reverse("explore:entity", args=[entity.kind.name, entity.id])
    follows = ask.at_ms is None and not ask.event_id and ask.step is None
    return {
        "entity": entity,
        "step": step,
        "follows": follows,
        "known_ms": entity.known_ms(step),
        "version": entity.version(step),
        "versioned": bool(entity.kind.options and entity.kind.options.version),
        "chosen": chosen,
        "chosen_event": entity.events[step - 1] if step else None,
        "error": entity.fold.errors.get(step - 1, ""),
        "tree": state_tree(state, chosen.changes if chosen else ()),
        "pretty": pretty_json(state),
        "rows": [
            (row, _url(here, moment_query(places, row.step), order))
            for row in (reversed(rows) if ask.newest_first else rows)
        ],
        "ticks": draw_ticks(places, _odd(entity), step),
        "window": window,
        "newest_first": ask.newest_first,
        "url": _url(here, "" if follows else moment_query(places, step), order),
        "newest_url": _url(here, order),
        "other_order": _url(here, moment_query(places, step), "" if order else "order=oldest"),
        "newer_url": window.newer and _url(here, f"step={step}", f"from={window.newer}", order),
        "older_url": window.older and _url(here, f"step={step}", f"from={window.older}", order),
        "refresh": REFRESH if entity.steps <= BUSY_STEPS else SLOW_REFRESH,
    }


def _odd(entity: Entity) -> list[str]:
    """What the strip marks at each place: an error, or a place that is not as it should be."""
    gaps = {gap.before for gap in entity.gaps}
    return [
        "bad"
        if at in entity.fold.errors
        else "warn"
        if place.duplicate or place.late or at in gaps
        else ""
        for at, place in enumerate(entity.arranged.places)
    ]


def _url(here: str, *parts: str) -> str:
    asked = "&".join(part for part in parts if part)
    return f"{here}?{asked}" if asked else here
