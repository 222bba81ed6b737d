"""An event beside the list, and an event to take away."""

from __future__ import annotations

from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.explore.copies import curl_to_fetch, curl_to_publish, to_cloudevent
from dashboard.explore.folding import fold_json, pretty_json
from dashboard.explore.native import native_envelope
from dashboard.explore.raw import readable
from dashboard.explore.reading import EventPage, read_event
from dashboard.explore.views.shared import story_url

__all__ = ["copies", "preview"]


@require_GET
def preview(request: HttpRequest, event_id: str) -> HttpResponse:
    """What the list's side panel shows of one event."""
    page = _event(event_id)
    event = page.event
    context = {
        "page": page,
        "event": event,
        "folded": fold_json(event.envelope),
        "pretty": pretty_json(event.envelope),
        "raw": readable(event.body),
        "story_url": story_url(page.correlation_id, event.event_id),
    }
    return render(request, "explore/_preview.html", context)


@require_GET
def copies(request: HttpRequest, event_id: str) -> JsonResponse:
    """One event in every form that it can be copied in."""
    event = _event(event_id).event
    native = native_envelope(event)
    calls = request.build_absolute_uri("/api/v1/events")
    return JsonResponse(
        {
            "json": pretty_json(native),
            "cloudevent": pretty_json(to_cloudevent(native)),
            "fetch": curl_to_fetch(f"{calls}/{quote(event.event_id, safe='')}"),
            "publish": curl_to_publish(calls, native, event.topic),
        }
    )


def _event(event_id: str) -> EventPage:
    page = read_event(event_id)
    if page is None:
        raise Http404(f"No event {event_id} is stored.")
    return page
