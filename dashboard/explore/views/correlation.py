"""The story of one correlation: its summary, and one of three views of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.explore import waterfall
from dashboard.explore.entities import refs_of
from dashboard.explore.errors import FilterError
from dashboard.explore.flows import read_expected
from dashboard.explore.outline import Line, outline
from dashboard.explore.parts import FAILURES, Step
from dashboard.explore.reading import Told, read_story
from dashboard.explore.redrives import Redrive
from dashboard.explore.spending import Segment
from dashboard.explore.summary import Summary, summarise
from dashboard.explore.views.shared import now_ms, refused
from dashboard.explore.views.story_address import TABS, Address, parse_address
from dashboard.explore.views.story_panel import story_panel
from ingest.models import DeadLetter

__all__ = ["correlation_page"]

LINES_AT_ONCE = 200
MAP_FROM = 30
MOST_ENTITIES = 6
NAMES_OFFERED = 200
PATH_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """A line with its links and what became of its event."""

    drawn: waterfall.Drawn
    outcome: str
    toggle: str
    select: str
    letters: Sequence[DeadLetter]
    redrives: Sequence[Redrive]


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
        raise Http404(f"No event of correlation {correlation_id} is stored.")
    summary = summarise(told.story, told.outcomes, told.dead_letters)
    context = {
        "told": told,
        "story": told.story,
        "summary": summary,
        "correlation_id": correlation_id,
        "address": address,
        "wanted": address.view.wanted,
        **_timeline(told, address),
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
        "first_failure": _first_failure(told, address),
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


def _timeline(told: Told, address: Address) -> dict[str, object]:
    lines = outline(told.story, told.outcomes, address.view)
    first = _first_line(lines, address)
    failed = {name for name, outcome in told.outcomes.items() if outcome in FAILURES}
    shown = waterfall.draw(told.story, lines[first : first + LINES_AT_ONCE], failed)
    following = first + LINES_AT_ONCE
    return {
        "entries": [_entry(told, address, drawn) for drawn in shown],
        "first": first,
        "lines": len(lines),
        "from_start": address.changed(first="0", event=""),
        "next": following if following < len(lines) else 0,
        "next_url": address.changed(first=str(following)),
    }


def _entry(told: Told, address: Address, drawn: waterfall.Drawn) -> Entry:
    line = drawn.line
    name = line.event_id if drawn.step else ""
    return Entry(
        drawn=drawn,
        outcome=told.outcomes.get(name, ""),
        toggle="" if line.state == "leaf" else address.toggled(line, fold=bool(drawn.fold)),
        select=address.changed(event=name) if name else "",
        letters=told.dead_letters.get(name, ()),
        redrives=told.redrives.get(name, ()),
    )


def _first_line(lines: list[Line], address: Address) -> int:
    """The line to begin with: as asked, else of the window that holds the wanted event."""
    if address.first >= 0:
        return address.first
    for number, line in enumerate(lines):
        if address.view.wanted and line.event_id == address.view.wanted:
            return number - number % LINES_AT_ONCE
    return 0


def _first_failure(told: Told, address: Address) -> str:
    for step in told.story.steps:
        if told.outcomes.get(step.event_id) in FAILURES:
            return address.changed(event=step.event_id, first="")
    return ""


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
