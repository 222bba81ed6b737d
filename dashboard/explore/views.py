"""The pages that find and explain events: fetch, call, render."""

from __future__ import annotations

import shlex
import time
from urllib.parse import quote

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from dashboard.explore import waterfall
from dashboard.explore.catalog import read_catalog, read_names
from dashboard.explore.filters import PRESETS, EventQuery, FilterError, parse_event_query
from dashboard.explore.folding import fold_json, pretty_json
from dashboard.explore.listing import read_listing
from dashboard.explore.outcomes import OUTCOMES
from dashboard.explore.raw import readable
from dashboard.explore.reading import EventPage, Told, read_event, read_story, search
from dashboard.explore.story import Bar, Step
from dashboard.explore.topology import read_topology
from eventscope.stamps import format_ms
from ingest.models import DeadLetter
from ingest.records import Flag

__all__ = [
    "catalog_page",
    "correlation_page",
    "event_page",
    "events_page",
    "search_page",
    "topology_page",
]

ROWS_AT_ONCE = 500
LISTED_CORRELATIONS = 200
LONGEST_SEARCH = 512
TIMES = ("since", "until")
HIDDEN = ("limit", "order", "range", "system")


def search_page(request: HttpRequest) -> HttpResponse:
    """The one box: an id leads on, a shared value is a choice, nothing says what was tried."""
    value = request.GET.get("q", "").strip()
    if len(value) > LONGEST_SEARCH or "\x00" in value:
        return _refused(
            request, FilterError("q", f"longer than {LONGEST_SEARCH} characters, or not text")
        )
    if not value:
        return render(request, "explore/search.html", {"value": "", "indexed": _indexed()})
    found = search(value)
    if found.correlation_id:
        return redirect(_story_url(found.correlation_id, found.event_id))
    context = {
        "value": value,
        "found": found,
        "correlations": found.correlations[:LISTED_CORRELATIONS],
        "more": max(0, len(found.correlations) - LISTED_CORRELATIONS),
        "indexed": _indexed(),
        "text_url": f"{reverse('explore:events')}?{urlencode({'q': value})}",
        "key_url": f"{reverse('explore:events')}?{urlencode({'key': value})}",
    }
    return render(request, "explore/search.html", context)


def events_page(request: HttpRequest) -> HttpResponse:
    """The list of events; all of its state is in the URL."""
    try:
        query = parse_event_query(dict(request.GET.lists()), now_ms=_now_ms(), system=False)
        listing = read_listing(query)
    except FilterError as error:
        return _refused(request, error)
    here = reverse("explore:events")
    context = {
        "query": query,
        "listing": listing,
        "names": read_names(),
        "ranges": _ranges(query, here),
        "outcomes": OUTCOMES,
        "since": _moment(dict(query.raw).get("since", "")),
        "until": _moment(dict(query.raw).get("until", "")),
        "chips": _chips(query, here),
        "system_url": f"{here}?{query.url(system='hide' if query.system else 'show')}",
        "first_url": f"{here}?{query.url()}" if query.cursor else "",
        "next_url": f"{here}?{query.url(cursor=listing.next)}" if listing.next else "",
    }
    return render(request, "explore/events.html", context)


def event_page(request: HttpRequest, event_id: str) -> HttpResponse:
    """One event; with ``?part=payload`` only its envelope, for the correlation page."""
    page = read_event(event_id)
    if page is None:
        raise Http404(f"No event {event_id} is stored.")
    part = request.GET.get("part") == "payload"
    template = "explore/_envelope.html" if part else "explore/event.html"
    return render(request, template, _event_context(request, page))


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


def catalog_page(request: HttpRequest) -> HttpResponse:
    """Every event type with who publishes and who handles it."""
    return render(request, "explore/catalog.html", {"types": read_catalog()})


def topology_page(request: HttpRequest) -> HttpResponse:
    """Producers, topics and consumers, and what flows between them."""
    context = {
        "graph": read_topology(now_ms=_now_ms()),
        "objective": settings.DASHBOARD.objectives.error_rate,
    }
    return render(request, "explore/topology.html", context)


def _event_context(request: HttpRequest, page: EventPage) -> dict[str, object]:
    event = page.event
    address = request.build_absolute_uri(f"/api/v1/events/{quote(event.event_id, safe='')}")
    return {
        "page": page,
        "event": event,
        "folded": fold_json(event.envelope) if event.envelope is not None else None,
        "pretty": pretty_json(event.envelope) if event.envelope is not None else "",
        "raw": readable(event.body),
        "headers": event.headers,
        "truncated": bool(event.flags & Flag.TRUNCATED),
        "delay_ms": None if event.occurred_ms is None else event.appended_ms - event.occurred_ms,
        "curl": f'curl -H "Authorization: Bearer $TOKEN" {shlex.quote(address)}',
        "story_url": _story_url(page.correlation_id, event.event_id),
    }


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


def _refused(request: HttpRequest, error: FilterError) -> HttpResponse:
    return render(request, "explore/refused.html", {"error": error}, status=400)


def _ranges(query: EventQuery, here: str) -> list[dict[str, object]]:
    asked = {name for name, _ in query.raw}
    chosen = query.preset or ("" if asked & {"since", "until"} else "all")
    return [
        {
            "label": preset,
            "url": f"{here}?{query.url(range=preset, since='', until='')}",
            "current": preset == chosen,
        }
        for preset in (*PRESETS, "all")
    ]


def _chips(query: EventQuery, here: str) -> list[dict[str, str]]:
    shown = [(name, value) for name, value in query.raw if name not in HIDDEN]
    return [
        {
            "name": name,
            "value": _moment(value) if name in TIMES else value,
            "url": f"{here}?{query.url(**{name: ''})}",
        }
        for name, value in shown
    ]


def _moment(text: str) -> str:
    """A time as it was asked for; milliseconds, as the charts ask, are written out."""
    return format_ms(int(text)) if text.isascii() and text.isdigit() else text


def _story_url(correlation_id: str, event_id: str) -> str:
    url = reverse("explore:correlation", args=[correlation_id])
    return f"{url}?{urlencode({'event': event_id})}#event" if event_id else url


def _indexed() -> tuple[str, ...]:
    return tuple(settings.INGEST.index.paths)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
