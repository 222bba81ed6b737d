"""The overview page and the charts it asks for."""

from __future__ import annotations

import time
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.live.charts import read_charts
from dashboard.live.gather import gather_tiles
from dashboard.live.honesty import honesty_of, read_status
from dashboard.live.ranges import BREAKDOWNS, LATENCIES, RANGES, read_view
from dashboard.live.samples import sample_command, sample_kit
from dashboard.live.tiles import Tile

__all__ = ["charts", "overview"]

TILE_PAGES = {
    "events": "explore:events",
    "p95": "",
    "errors": "",
    "deadLetters": "recovery:dead-letters",
    "breakers": "fleet:breakers",
    "unhealthy": "fleet:health",
    "alerts": "alerts:alerts",
    "lag": "fleet:consumers",
}
TILE_ANCHORS = {"p95": "#latency", "errors": "#errors"}


@require_GET
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """The frame with the tiles of now; the charts follow as JSON, then ticks extend them."""
    now_ms = time.time_ns() // 1_000_000
    view = read_view(request.GET)
    status = read_status(now_ms)
    context = {
        "view": view,
        "tiles": [_with_link(tile) for tile in gather_tiles(now_ms, status)],
        "status": honesty_of(status),
        "ranges": list(RANGES),
        "breakdowns": BREAKDOWNS,
        "latencies": LATENCIES,
        "events_url": _url("explore:events"),
        "kit": sample_kit(settings.INGEST),
        "command": sample_command(settings.INGEST),
    }
    return render(request, "live/overview.html", context)


@require_GET
@never_cache
def charts(request: HttpRequest) -> HttpResponse:
    """The figures of the view in the query string."""
    body = orjson.dumps(read_charts(read_view(request.GET)), option=orjson.OPT_SERIALIZE_NUMPY)
    return HttpResponse(body, content_type="application/json")


def _with_link(tile: Tile) -> dict[str, Any]:
    url = TILE_ANCHORS.get(tile.key) or _url(TILE_PAGES.get(tile.key, ""))
    return {"tile": tile, "url": url}


def _url(view: str) -> str:
    try:
        return reverse(view) if view else ""
    except NoReverseMatch:
        return ""
