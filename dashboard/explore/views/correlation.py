"""The story of one correlation."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.explore import waterfall
from dashboard.explore.reading import Told, read_story
from dashboard.explore.story import Bar, Step
from ingest.models import DeadLetter

__all__ = ["correlation_page"]

ROWS_AT_ONCE = 500


def correlation_page(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """A story from its first row on; with ``?from=`` and htmx only the next rows."""
    told = read_story(correlation_id)
    if told is None:
        raise Http404(f"No event of correlation {correlation_id} is stored.")
    wanted = request.GET.get("event", "")
    first = _first_row(request.GET.get("from", ""), told, wanted)
    context = {
        "told": told,
        "story": told.story,
        "correlation_id": correlation_id,
        "wanted": wanted,
        "lines": _lines(told, first),
        "first": first,
        "next": first + ROWS_AT_ONCE if first + ROWS_AT_ONCE < len(told.story.rows) else 0,
    }
    if request.headers.get("HX-Request"):
        return render(request, "explore/_lines.html", context)
    return render(request, "explore/correlation.html", {**context, **_overview(told)})


def _overview(told: Told) -> dict[str, object]:
    story = told.story
    steps = story.steps
    services = {step.event.source for step in steps}
    services |= {bar.handling.consumer for step in steps for bar in step.bars}
    critical = [step for step in steps if step.critical]
    critical.sort(key=lambda step: (step.at_ms, step.depth))
    return {
        "steps": len(steps),
        "copies": sum(len(step.copies) for step in steps),
        "rings": [step for step in steps if step.state == "ring"],
        "services": sorted(services - {""}),
        "handled": sum(len(step.bars) for step in steps),
        "bad": [
            (step, _failure(step))
            for step in steps
            if told.outcomes.get(step.event_id) in ("failed", "dead_lettered")
        ],
        "unprocessed": sum(outcome == "unprocessed" for outcome in told.outcomes.values()),
        "critical": critical,
        "gaps": waterfall.draw_gaps(story),
        "ticks": waterfall.ticks(story),
        "skews": sorted(story.skews.items(), key=lambda skew: -skew[1]),
    }


def _failure(step: Step) -> Bar | None:
    """The last handling that ended badly."""
    bad = [bar for bar in step.bars if bar.handling.outcome not in ("success", "retry", "skipped")]
    return max(bad, key=lambda bar: bar.end_ms, default=None)


def _lines(told: Told, first: int) -> list[tuple[waterfall.Line, list[DeadLetter]]]:
    """The rows to show, each with the dead letters of its event."""
    lines = waterfall.draw(told.story, first=first, count=ROWS_AT_ONCE)
    letters = told.dead_letters
    return [(line, letters.get(line.step.event_id, []) if line.step else []) for line in lines]


def _first_row(text: str, told: Told, wanted: str) -> int:
    """The row to begin with: as asked, else the page that holds the wanted event."""
    if text.isascii() and text.isdigit() and len(text) < 9:
        return int(text)
    for number, row in enumerate(told.story.rows):
        if wanted and row.event_id == wanted:
            return number - number % ROWS_AT_ONCE
    return 0
