"""Flows as they were learnt: the kinds there are, the map of one, and those that are stuck now."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from dashboard.explore.errors import FilterError
from dashboard.explore.flowmap import RARE_SHARE, lay_out_flow
from dashboard.explore.flows import learnt_flow, learnt_flows, list_stuck
from dashboard.explore.views.shared import refused
from eventscope.stamps import now_ms
from ingest.flows.stuck import MOST_STUCK
from ingest.models import StuckFlow
from ingest.queries.flows import expected_steps, flow_state, stuck_steps

__all__ = ["flow_page", "flows_page"]

LONGEST_NAME = 200
FLOWS_SHOWN = 200
STUCK_SHOWN = 5


def flows_page(request: HttpRequest) -> HttpResponse:
    """Stuck flows now, the longest overdue first, and every kind of flow; ``?start=`` and ``?waits=`` narrow
    the stuck ones by what they began with and by what has not come."""
    now = now_ms()
    try:
        start = _name("start", request.GET.get("start", ""))
        waits = _name("waits", request.GET.get("waits", ""))
        cursor = request.GET.get("cursor", "")
        stuck = list_stuck(start=start, waits_for=waits, cursor=cursor)
    except FilterError as error:
        return refused(request, error)
    here = reverse("explore:flows")
    asked = {name: value for name, value in (("start", start), ("waits", waits)) if value}
    learning, flows = _learning(now), learnt_flows(now_ms=now)[:FLOWS_SHOWN]
    context = {
        **learning,
        "flows": [(flow, learning["state"].stuck.get(flow.start, 0)) for flow in flows],
        "stuck": _rows(stuck.rows, learning["now"]),
        "start": start,
        "waits": waits,
        "steps": stuck_steps(start=start),
        "first_url": f"{here}?{urlencode(asked)}" if cursor else "",
        "next_url": f"{here}?{urlencode({**asked, 'cursor': stuck.next})}" if stuck.next else "",
    }
    return render(request, "explore/flows.html", context)


def flow_page(request: HttpRequest, start: str) -> HttpResponse:
    """The map of what begins with one type; ``?rare=show`` draws the rare steps too."""
    now = now_ms()
    try:
        start = _name("start", start)
        rare = _choice("rare", request.GET.get("rare", ""), ("", "show", "hide")) == "show"
    except FilterError as error:
        return refused(request, error)
    flow = learnt_flow(start, now_ms=now)
    if flow is None:
        raise Http404(f"No flow is known that begins with {start}.")
    expected = {one.step for one in expected_steps(flow, settings.INGEST.flows)}
    learning = _learning(now)
    context = {
        **learning,
        "flow": flow,
        "map": lay_out_flow(flow, rare=rare),
        "steps": [(edge, edge in expected) for edge in flow.edges],
        "events": 1 + sum(step.occurrences for step in flow.types) / flow.whole.correlations,
        "stuck": _rows(list_stuck(start=start, limit=STUCK_SHOWN).rows, learning["now"]),
        "rare": rare,
        "rare_share": RARE_SHARE,
    }
    return render(request, "explore/flow.html", context)


def _learning(now: int) -> dict[str, Any]:
    """How far and from how much is learnt."""
    state = flow_state()
    return {
        "state": state,
        "now": state.watermark_ms or now,
        "one_in": 1 << state.bits,
        "stuck_counts": sorted(state.stuck.items(), key=lambda one: (-one[1], one[0])),
        "stuck_total": sum(state.stuck.values()),
        "options": settings.INGEST.flows,
        "most_listed": MOST_STUCK,
        "longest_ms": settings.INGEST.flows.longest * 1000,
    }


def _rows(stuck: list[StuckFlow], now: int) -> list[dict[str, Any]]:
    return [
        {
            "flow": flow,
            "late_ms": max(0.0, now - flow.parent_ms - flow.usual_ms),
            "others": flow.missing - 1,
        }
        for flow in stuck
    ]


def _name(place: str, value: str) -> str:
    if len(value) > LONGEST_NAME or "\x00" in value:
        raise FilterError(place, f"longer than {LONGEST_NAME} characters, or not text")
    return value


def _choice(place: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise FilterError(place, f"{value!r} is none of {', '.join(filter(None, known))}")
    return value
