"""Retries in sight: what waits for its next attempt, and trying it at once."""

from __future__ import annotations

import re
import time
from typing import NamedTuple

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dashboard.accounts import audit
from dashboard.accounts.models import Role
from dashboard.accounts.rights import role_required
from ingest.queries.retries import NotThere, Waiting, make_due, waiting_retries

__all__ = ["retries_page", "retry_now"]

LISTED = 100
ENTRY = re.compile(r"\d{1,19}-\d{1,19}")
NAMES = ("broker", "topic", "group")


class Row(NamedTuple):
    """``due_ms``: when its delay is over, if its service keeps to ``dead_letters.retry_delay``."""

    waiting: Waiting
    due_ms: int
    overdue: bool


@require_GET
@never_cache
def retries_page(request: HttpRequest) -> HttpResponse:
    """The entries that wait, the next one due first; live."""
    page, now = waiting_retries(limit=LISTED), time.time_ns() // 1_000_000
    delay_ms = int(settings.DASHBOARD.dead_letters.retry_delay * 1000)
    context = {
        "rows": [_row(waiting, now, delay_ms) for waiting in page.rows],
        "total": page.total,
        "away": page.away,
        "delay_ms": delay_ms,
    }
    fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(
        request, "recovery/_retries.html" if fragment else "recovery/retries.html", context
    )


@require_POST
@role_required(Role.OPERATOR)
def retry_now(request: HttpRequest) -> HttpResponse:
    """Let one entry be tried at once."""
    names = {name: request.POST.get(name, "")[:255] for name in NAMES}
    entry = request.POST.get("entry", "")
    place = next((name for name in NAMES if not names[name] or "\x00" in names[name]), None)
    if place is None and not ENTRY.fullmatch(entry):
        place = "entry"
    if place is not None:
        error = {"place": place, "reason": "is none of a waiting event"}
        return render(request, "recovery/refused.html", {"error": error}, status=400)
    try:
        done = make_due(entry=entry, **names)
    except NotThere as error:
        messages.error(request, str(error))
        return redirect("recovery:retries")
    if done:
        audit.record(
            actor=request.user,
            action="retry.now",
            subject=f"{names['topic']} {entry}",
            detail={**names, "entry": entry},
        )
        messages.success(request, "It is due: its consumer takes it in its next round.")
    else:
        messages.info(request, "It does not wait any more: it is being tried, or was settled.")
    return redirect("recovery:retries")


def _row(waiting: Waiting, now_ms: int, delay_ms: int) -> Row:
    due_ms = now_ms if waiting.idle_ms is None else now_ms + delay_ms - waiting.idle_ms
    return Row(waiting, due_ms, waiting.idle_ms is None or due_ms < now_ms)
