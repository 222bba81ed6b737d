"""One event: the page, its parts on demand, its bytes, and what is encrypted in it."""

from __future__ import annotations

from urllib.parse import quote

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dashboard.explore.attempts import by_consumer
from dashboard.explore.causes import read_chain, read_effects
from dashboard.explore.entities.entity import refs_of
from dashboard.explore.folding import Marks, fold_json, pretty_json
from dashboard.explore.headers import inner_headers
from dashboard.explore.raw import hexdump_of, readable
from dashboard.explore.reading import EventPage, read_event
from dashboard.explore.revealing import (
    Revealed,
    is_encrypted,
    may_reveal,
    paths_in,
    reveal,
    reveal_role,
)
from dashboard.explore.rows import rows_of
from dashboard.explore.views.shared import indexed_paths, nothing_of, story_url
from ingest.queries.events import EventView
from ingest.queries.neighbours import read_neighbours
from ingest.queries.schemas import Comparison, compare
from ingest.records import Flag

__all__ = ["event_page"]

AROUND = 20


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def event_page(request: HttpRequest, event_id: str) -> HttpResponse:
    """One event. ``?part=`` payload, around, hex or raw is a part of it; POST opens what is encrypted."""
    page = read_event(event_id)
    if page is None:
        return nothing_of(request, event_id, "event")
    if request.method == "POST":
        return _revealed(request, page)
    part = request.GET.get("part", "")
    if part in _PARTS:
        return _PARTS[part](request, page.event)
    return render(request, "explore/event.html", _context(request, page))


def _revealed(request: HttpRequest, page: EventPage) -> HttpResponse:
    if not may_reveal(request.user):
        raise PermissionDenied(f"Encrypted values are shown from the role {reveal_role()} on.")
    opened = reveal(page.event, by=request.user)
    return render(request, "explore/event.html", _context(request, page, opened))


def _context(
    request: HttpRequest, page: EventPage, opened: Revealed | None = None
) -> dict[str, object]:
    event = page.event
    compared = compare(event)
    effects, whole = read_effects(event.event_id)
    headers = opened.headers if opened else event.headers
    inner = inner_headers(event.format, opened.envelope if opened else event.envelope)
    return {
        **_envelope(event, opened, compared),
        "page": page,
        "event": event,
        "headers": headers,
        "inner_headers": inner,
        "header_count": len(headers) + len(inner),
        "truncated": bool(event.flags & Flag.TRUNCATED),
        "redacted": bool(event.flags & Flag.REDACTED),
        "delay_ms": None if event.occurred_ms is None else event.appended_ms - event.occurred_ms,
        "entities": refs_of([event]),
        "consumed": by_consumer(
            page.handlings, appended_ms=event.appended_ms, occurred_ms=event.occurred_ms
        ),
        "chain": read_chain(event),
        "effects": effects,
        "effects_whole": whole,
        "compared": compared,
        "neighbours": read_neighbours(event, 1),
        "copies_url": reverse("explore:copies", args=[event.event_id]),
        "story_url": story_url(page.correlation_id, event.event_id),
        "sealed": paths_in(event) if event.flags & Flag.ENCRYPTED else [],
        "opened": opened,
        "may_reveal": may_reveal(request.user),
        "reveal_role": reveal_role(),
    }


def _envelope(
    event: EventView, opened: Revealed | None, compared: Comparison | None
) -> dict[str, object]:
    envelope = opened.envelope if opened else event.envelope
    body = opened.body if opened else event.body
    differences = compared.differences if compared else []
    marks = Marks(
        unusual={one.path: one.message for one in differences if one.kind != "missing"},
        indexed=[path for path in indexed_paths() if not opened or not is_encrypted(path)],
        search_url=f"{reverse('explore:events')}?key=",
    )
    structured = isinstance(envelope, dict | list)
    folded = fold_json(envelope, marks) if structured else None
    return {
        "folded": folded,
        "pretty": pretty_json(envelope) if structured and not folded else "",
        "raw": readable(body),
    }


def _payload_part(request: HttpRequest, event: EventView) -> HttpResponse:
    """Only the envelope, for the correlation page."""
    return render(request, "explore/_envelope.html", _envelope(event, None, None))


def _around_part(request: HttpRequest, event: EventView) -> HttpResponse:
    """The events that stand around this one on its stream or partition."""
    found = read_neighbours(event, AROUND)
    rows = rows_of([*reversed(found.before), event, *found.after])
    context = {"rows": rows, "event": event, "complete": found.complete}
    return render(request, "explore/_around.html", context)


def _hex_part(request: HttpRequest, event: EventView) -> HttpResponse:
    return render(request, "explore/_hex.html", {"dump": hexdump_of(event.body)})


def _raw_part(request: HttpRequest, event: EventView) -> HttpResponse:
    """The bytes as they are stored, as a file."""
    answer = HttpResponse(event.body, content_type="application/octet-stream")
    answer["Content-Disposition"] = (
        f"attachment; filename*=UTF-8''{quote(event.event_id[:100], safe='')}"
    )
    return answer


_PARTS = {
    "payload": _payload_part,
    "around": _around_part,
    "hex": _hex_part,
    "raw": _raw_part,
}
