"""One event."""

from __future__ import annotations

import shlex
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.explore.entities import refs_of
from dashboard.explore.folding import fold_json, pretty_json
from dashboard.explore.raw import readable
from dashboard.explore.reading import EventPage, read_event
from dashboard.explore.views.shared import story_url
from ingest.records import Flag

__all__ = ["event_page"]


def event_page(request: HttpRequest, event_id: str) -> HttpResponse:
    """One event; with ``?part=payload`` only its envelope, for the correlation page."""
    page = read_event(event_id)
    if page is None:
        raise Http404(f"No event {event_id} is stored.")
    part = request.GET.get("part") == "payload"
    template = "explore/_envelope.html" if part else "explore/event.html"
    return render(request, template, _event_context(request, page))


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
        "entities": refs_of([event]),
        "story_url": story_url(page.correlation_id, event.event_id),
    }
