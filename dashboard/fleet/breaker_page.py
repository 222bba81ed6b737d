"""The page of one breaker: how it stands, when it refused, what came of it."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.fleet.breaker import DEFAULT_RANGE, RANGES, BreakerPast, figures_of, read_breaker
from dashboard.fleet.presenting import first_told, whole_line
from dashboard.fleet.refusals import Refusal

__all__ = ["breaker_page"]

SHOWN_REFUSALS = 10
MOST_REFUSALS = 100
MOST_CHANGES = 200
AROUND_MS = 1_000
"""Receipts of the moment in which it opened belong to the refusal."""


@require_GET
@never_cache
def breaker_page(request: HttpRequest, breaker: str) -> HttpResponse:
    """``breaker`` is ``<service>/<name>``; ``?range=`` is how far back it goes; 404 for what was never told of."""
    now = time.time_ns() // 1_000_000
    asked = request.GET.get("range", "")
    chosen = asked if asked in RANGES else DEFAULT_RANGE
    past = read_breaker(breaker, range_ms=RANGES[chosen], now_ms=now)
    if past is None:
        raise Http404("No breaker of this name was ever told of.")
    context = {"range": chosen, "ranges": list(RANGES), **_context(past)}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "fleet/_breaker.html", context)
    return render(request, "fleet/breaker.html", context | {"figures": figures_of(past)})


def _context(past: BreakerPast) -> dict[str, Any]:
    card, options = past.card, settings.INGEST.circuit_breakers
    first_ms = min(first_told(view.breaker, view.transitions) for view in past.views)
    refusals = [_row(past, one) for one in past.refusals[:MOST_REFUSALS]]
    return {
        "card": card,
        "past": past,
        "now_ms": past.now_ms,
        "alert_threshold": options.alert_threshold,
        "options": options,
        "flapping_window_ms": options.flapping_window * 1000,
        "line": whole_line(
            past.refused, past.since_ms, past.now_ms, first_ms=first_ms, silent_ms=card.silent_ms
        ),
        "refusals": refusals[:SHOWN_REFUSALS],
        "older_refusals": refusals[SHOWN_REFUSALS:],
        "changes": past.changes[:MOST_CHANGES],
        "alerts_url": f"{reverse('alerts:alerts')}?{urlencode({'text': card.subject})}",
        "letters_url": f"{reverse('recovery:dead-letters')}?{urlencode({'consumer': card.service})}",
    }


def _row(past: BreakerPast, refusal: Refusal) -> dict[str, Any]:
    until_ms = past.now_ms if refusal.until_ms is None else refusal.until_ms
    asked = {
        "consumer": past.card.service,
        "outcome": "retried,failed,dead_lettered",
        "since": refusal.from_ms - AROUND_MS,
        "until": until_ms + AROUND_MS,
    }
    return {
        "refusal": refusal,
        "lasted_ms": refusal.lasted_ms(past.now_ms),
        "handled": past.handled(refusal),
        "events_url": f"{reverse('explore:events')}?{urlencode(asked)}",
    }
