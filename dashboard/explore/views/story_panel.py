"""One event beside its story: what it was, who handled it, its envelope."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.explore.folding import fold_json, pretty_json
from dashboard.explore.raw import readable
from dashboard.explore.reading import read_event
from dashboard.explore.redrives import redrive_of

__all__ = ["story_panel"]


def story_panel(request: HttpRequest, event_id: str) -> HttpResponse:
    """The panel alone, for htmx."""
    page = read_event(event_id)
    if page is None:
        raise Http404(f"No event {event_id} is stored.")
    event = page.event
    told = event.envelope is not None
    context = {
        "page": page,
        "event": event,
        "folded": fold_json(event.envelope) if told else None,
        "pretty": pretty_json(event.envelope) if told else "",
        "raw": readable(event.body),
        "delay_ms": None if event.occurred_ms is None else event.appended_ms - event.occurred_ms,
        "redrives": [one for copy in page.copies if (one := redrive_of(copy))],
    }
    return render(request, "explore/_story_panel.html", context)
