"""What several pages need: addresses, the refusal, the clock."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from dashboard.explore.filters import FilterError

__all__ = ["indexed_paths", "nothing_of", "refused", "story_url"]

MOST_SHOWN = 300


def refused(request: HttpRequest, error: FilterError) -> HttpResponse:
    return render(request, "explore/refused.html", {"error": error}, status=400)


def nothing_of(request: HttpRequest, id: str, kind: str) -> HttpResponse:
    """404 for an id of no stored event or correlation (``kind``), with the ways to look further."""
    context = {"missed_id": id[:MOST_SHOWN], "kind": kind}
    return render(request, "explore/no_event.html", context, status=404)


def story_url(correlation_id: str, event_id: str) -> str:
    url = reverse("explore:correlation", args=[correlation_id])
    return f"{url}?{urlencode({'event': event_id})}#event" if event_id else url


def indexed_paths() -> tuple[str, ...]:
    return tuple(settings.INGEST.key_paths)
