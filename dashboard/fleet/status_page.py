"""The public status page and its badges: for everybody, cheap, and not there unless configured.

They are rendered without the request, so that they are the same for everybody and any cache may keep them;
what they say is worked out once in ``max_age`` a process.
"""

from __future__ import annotations

import time

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from dashboard.fleet.status import PublicComponent, PublicStatus, read_status
from dashboard.options import StatusOptions
from ingest.folds.health_words import UNKNOWN

__all__ = ["CACHE_KEY", "badge", "status_page"]

CACHE_KEY = "fleet.public-status"
TONES = {"healthy": "#1b7a4b", "degraded": "#8f5a00", "unhealthy": "#bf2430", "unknown": "#5b6675"}
"""A badge stands on pages of others, without our style sheet."""
CHARACTER_PX, PADDING_PX = 7, 10


@login_not_required
@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """404 unless `[status] enabled`."""
    options = _options()
    html = render_to_string("fleet/status.html", {"status": _status(options)})
    return _kept(request, HttpResponse(html), options)


@login_not_required
@require_safe
def badge(request: HttpRequest, component: str) -> HttpResponse:
    """``component`` is the public name as a slug; ``?show=uptime`` tells the last 90 days."""
    options = _options()
    found = next((one for one in _status(options).components if one.slug == component), None)
    if found is None:
        raise Http404("There is no component of this name on the status page.")
    words = _uptime(found) if request.GET.get("show") == "uptime" else found.status
    svg = render_to_string(
        "fleet/badge.svg", _measured(found.name, words, TONES.get(found.status, TONES[UNKNOWN]))
    )
    return _kept(request, HttpResponse(svg, content_type="image/svg+xml"), options)


def _options() -> StatusOptions:
    options: StatusOptions = settings.DASHBOARD.status
    if not options.enabled:
        raise Http404("There is no status page.")
    return options


def _status(options: StatusOptions) -> PublicStatus:
    known: PublicStatus | None = cache.get(CACHE_KEY)
    if known is None:
        known = read_status(options, now_ms=time.time_ns() // 1_000_000)
        cache.set(CACHE_KEY, known, timeout=float(options.max_age))
    return known


def _kept(request: HttpRequest, response: HttpResponse, options: StatusOptions) -> HttpResponse:
    """``Vary: Cookie`` would keep caches from it: the gate has looked at the session, the answer has not."""
    request.session.accessed = False
    response["Cache-Control"] = f"public, max-age={int(options.max_age)}"
    return response


def _uptime(component: PublicComponent) -> str:
    return component.strip.uptime.words if component.strip else "unknown"


def _measured(label: str, words: str, colour: str) -> dict[str, object]:
    """Widths in pixels, for a font of 11 px whose characters are `CHARACTER_PX` wide at most."""
    left, right = (len(text) * CHARACTER_PX + 2 * PADDING_PX for text in (label, words))
    return {
        "label": label,
        "words": words,
        "colour": colour,
        "left": left,
        "right": right,
        "width": left + right,
        "label_x": left / 2,
        "words_x": left + right / 2,
    }
