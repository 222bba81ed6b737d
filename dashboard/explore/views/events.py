"""The list of events."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from dashboard.explore.catalog import read_names
from dashboard.explore.filters import PRESETS, EventQuery, FilterError, parse_event_query
from dashboard.explore.listing import read_listing
from dashboard.explore.outcomes import OUTCOMES
from dashboard.explore.views.querybar import asked_by_text
from dashboard.explore.views.shared import indexed_paths, now_ms, refused
from eventscope.stamps import format_ms

__all__ = ["events_page"]

TIMES = ("since", "until")
HIDDEN = ("limit", "order", "range", "system")


def events_page(request: HttpRequest) -> HttpResponse:
    """The list of events; all of its state is in the URL."""
    if "query" in request.GET:
        return asked_by_text(request)
    try:
        query = parse_event_query(
            dict(request.GET.lists()), now_ms=now_ms(), system=False, indexed=indexed_paths()
        )
        listing = read_listing(query)
    except FilterError as error:
        return refused(request, error)
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
