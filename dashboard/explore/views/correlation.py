"""The story of one correlation: its summary, and one of three views of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.explore import waterfall
from dashboard.explore.entities.entity import refs_of
from dashboard.explore.errors import FilterError
from dashboard.explore.flows import read_expected
from dashboard.explore.parts import Step
from dashboard.explore.reading import Told, read_story
from dashboard.explore.spending import Segment
from dashboard.explore.summary import Summary, summarise
from dashboard.explore.views.comparison import comparison_page
from dashboard.explore.views.shared import nothing_of, refused
from dashboard.explore.views.story_address import TABS, Address, parse_address
from dashboard.explore.views.story_panel import story_panel
from dashboard.explore.views.story_views import story_view
from eventscope.stamps import now_ms

__all__ = ["correlation_page"]

MAP_FROM = 30
MOST_ENTITIES = 6
NAMES_OFFERED = 200
PATH_SHOWN = 50


@dataclass(frozen=True, slots=True)
class PathStep:
    """An event of the critical path with the stretches that it stands for."""

    step: Step
    marks: list[tuple[waterfall.Mark, Segment]]


def correlation_page(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """The whole page; with ``?part=lines`` only the next lines, with ``?part=event`` one event."""
    try:
        address = parse_address(request.GET)
    except FilterError as error:
        return refused(request, error)
    if request.GET.get("part") == "event":
        return story_panel(request, address.view.wanted)
    told = read_story(correlation_id)
    if told is None:
        return nothing_of(request, correlation_id, "correlation")
    if address.other:
        return comparison_page(request, told, address, correlation_id)
    summary = summarise(told.story, told.outcomes, told.dead_letters)
    context = {
        "told": told,
        "story": told.story,
        "summary": summary,
        "correlation_id": correlation_id,
        "address": address,
        "wanted": address.view.wanted,
        **story_view(told, address),
    }
    if request.GET.get("part") == "lines":
        return render(request, "explore/_lines.html", context)
    return render(
        request,
        "explore/correlation.html",
        {
            **context,
            **_overview(told, summary, address),
            "expected": read_expected(told.story, now_ms=now_ms()),
        },
    )


def _overview(told: Told, summary: Summary, address: Address) -> dict[str, object]:
    story = told.story
    types = {step.event.event_type for step in story.steps}
    return {
        "tabs": [(tab, address.changed(view=tab, first="")) for tab in TABS],
        "types": sorted(types)[:NAMES_OFFERED],
        "services": summary.services[:NAMES_OFFERED],
        "unfiltered": address.changed(type="", service="", failures="", first=""),
        "show_all": address.changed(show="all", opened="", closed="", unfolded="", first=""),
        "show_roots": address.changed(show="roots", opened="", closed="", unfolded="", first=""),
        "show_plain": address.changed(show="", opened="", closed="", unfolded="", first=""),
        "spent": waterfall.draw_segments(story, summary.segments),
        "path": _path(told, summary),
        "gaps": waterfall.draw_gaps(story),
        "ticks": waterfall.ticks(story),
        "density": waterfall.draw_density(story, told.outcomes)
        if summary.events >= MAP_FROM
        else [],
        "entities": refs_of([step.event for step in story.steps])[:MOST_ENTITIES],
        "skews": sorted(story.skews.items(), key=lambda skew: -skew[1]),
    }


def _path(told: Told, summary: Summary) -> list[PathStep]:
    """The steps of the critical path that took any time, the most expensive of many."""
    marks = waterfall.draw_segments(told.story, summary.segments)
    by_event: dict[str, list[tuple[waterfall.Mark, Segment]]] = {}
    for mark, segment in marks:
        by_event.setdefault(segment.event_id, []).append((mark, segment))
    steps = [step for step in told.story.steps if step.critical]
    shown = sorted(steps, key=lambda step: -step.share)[:PATH_SHOWN]
    kept = {step.event_id for step in shown}
    return [
        PathStep(step, by_event.get(step.event_id, []))
        for step in sorted(steps, key=lambda step: (step.at_ms, step.depth))
        if step.event_id in kept
    ]
