"""The catalog of event types, and one type."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.explore.cataloguing import (
    MOST_VERSIONS,
    compare_versions,
    read_type,
    read_types,
)
from dashboard.explore.folding import fold_json
from eventscope.stamps import now_ms

__all__ = ["catalog_page", "type_page"]


def catalog_page(request: HttpRequest) -> HttpResponse:
    """Every event type with who publishes it, who handles it, and how it fares."""
    return render(request, "explore/catalog.html", {"types": read_types(now_ms=now_ms())})


def type_page(request: HttpRequest, event_type: str) -> HttpResponse:
    """What is known of one type: figures, schema by version, changes, an example."""
    known = read_type(event_type, now_ms=now_ms())
    if known is None:
        raise Http404(f"No event of type {event_type} was ever seen.")
    shown = known.versions[:MOST_VERSIONS]
    example = known.example
    context = {
        "known": known,
        "versions": shown,
        "more_versions": len(known.versions) - len(shown),
        "fields": compare_versions(shown),
        "cut": any(one.shape.cut for one in shown),
        "folded": fold_json(example.envelope) if example else None,
    }
    return render(request, "explore/type.html", context)
