"""The page of one component: how it stands, how it stood, on what it depends."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.fleet import queries
from dashboard.fleet.component import (
    DEFAULT_RANGE,
    RANGES,
    ComponentPast,
    latency_figure,
    read_past,
)
from dashboard.fleet.dependencies import dependencies_of
from dashboard.fleet.instances import read_instance_days
from dashboard.fleet.neighbours import read_neighbours
from dashboard.fleet.presenting import component_card
from dashboard.fleet.views import STRIP_INTERVALS
from ingest.queries import state
from ingest.queries.state import ComponentView

__all__ = ["component_page"]

SHOWN_INCIDENTS = 10
MOST_INCIDENTS = 200


@require_GET
@never_cache
def component_page(request: HttpRequest, component: str) -> HttpResponse:
    """``?range=`` is how far back the latency chart goes; 404 for what was never told of."""
    now = time.time_ns() // 1_000_000
    views = state.list_components(now_ms=now)
    view = next((view for view in views if view.component == component), None)
    past = read_past(component, now_ms=now)
    if view is None and past is None:
        raise Http404("No component of this name was ever told of.")
    context = {"component": component, "now_ms": now, **_now(view, views, now), **_past(past)}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "fleet/_component.html", context)
    return render(
        request, "fleet/component.html", context | _chart(past, request.GET.get("range", ""), now)
    )


def _now(view: ComponentView | None, views: list[ComponentView], now: int) -> dict[str, Any]:
    if view is None:
        return {"card": None}
    since = now - int(STRIP_INTERVALS * settings.DASHBOARD.health.interval * 1000)
    ids = [row.pk for row in view.instances]
    card = component_card(view, queries.recent_results(since, ids), now - settings.HEALTH_SILENT_MS)
    depends = dependencies_of(view.component, [row for one in views for row in one.instances])
    days = read_instance_days([one.row.pk for one in card.instances], now_ms=now)
    return {
        "card": card,
        "instances": [(one, days.get(one.row.pk)) for one in card.instances],
        "depends": depends,
        "neighbours": read_neighbours(depends.services),
        "threshold": settings.DASHBOARD.health.unhealthy_threshold,
        "alerts_url": f"{reverse('alerts:alerts')}?{urlencode({'text': view.component})}",
    }


def _past(past: ComponentPast | None) -> dict[str, Any]:
    if past is None:
        return {"past": None}
    incidents = past.incidents
    return {
        "past": past,
        "incidents": incidents[:SHOWN_INCIDENTS],
        "older_incidents": incidents[SHOWN_INCIDENTS:MOST_INCIDENTS],
        "more_incidents": max(0, len(incidents) - MOST_INCIDENTS),
    }


def _chart(past: ComponentPast | None, asked: str, now: int) -> dict[str, Any]:
    chosen = asked if asked in RANGES else DEFAULT_RANGE
    figure = latency_figure(past, chosen, now_ms=now) if past else None
    return {"ranges": list(RANGES), "range": chosen, "figure": figure}
