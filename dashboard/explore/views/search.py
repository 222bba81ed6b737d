"""The one box."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from dashboard.explore.filters import FilterError
from dashboard.explore.reading import search
from dashboard.explore.views.shared import indexed_paths, refused, story_url

__all__ = ["search_page"]

LISTED_CORRELATIONS = 200
LONGEST_SEARCH = 512


def search_page(request: HttpRequest) -> HttpResponse:
    """The one box: an id leads on, a shared value is a choice, nothing says what was tried."""
    value = request.GET.get("q", "").strip()
    if len(value) > LONGEST_SEARCH or "\x00" in value:
        return refused(
            request, FilterError("q", f"longer than {LONGEST_SEARCH} characters, or not text")
        )
    if not value:
        return render(request, "explore/search.html", {"value": "", "indexed": indexed_paths()})
    found = search(value)
    if found.correlation_id:
        return redirect(story_url(found.correlation_id, found.event_id))
    context = {
        "value": value,
        "found": found,
        "correlations": found.correlations[:LISTED_CORRELATIONS],
        "more": max(0, len(found.correlations) - LISTED_CORRELATIONS),
        "indexed": indexed_paths(),
        "text_url": f"{reverse('explore:events')}?{urlencode({'q': value})}",
        "key_url": f"{reverse('explore:events')}?{urlencode({'key': value})}",
    }
    return render(request, "explore/search.html", context)
