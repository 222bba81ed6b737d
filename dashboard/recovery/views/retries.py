"""Retries in sight: what waits for its next attempt, and trying it at once."""

from __future__ import annotations

import time

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dashboard.accounts.models import Role
from dashboard.accounts.rights import role_required
from dashboard.recovery.retrying import PLACES, read_retries, retry_at_once
from dashboard.recovery.selection import SelectionError
from ingest.queries.retries import NotThere

__all__ = ["retries_page", "retry_now"]

LISTED = 100


@require_GET
@never_cache
def retries_page(request: HttpRequest) -> HttpResponse:
    """The entries that wait, the next one due first; live."""
    page = read_retries(limit=LISTED, now_ms=time.time_ns() // 1_000_000)
    context = page._asdict()
    fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(
        request, "recovery/_retries.html" if fragment else "recovery/retries.html", context
    )


@require_POST
@role_required(Role.OPERATOR)
def retry_now(request: HttpRequest) -> HttpResponse:
    """Let one entry be tried at once."""
    names = {name: request.POST.get(name, "") for name in PLACES}
    try:
        done = retry_at_once(by=request.user, **names)
    except SelectionError as error:
        return render(request, "recovery/refused.html", {"error": error}, status=400)
    except NotThere as error:
        messages.error(request, str(error))
        return redirect("recovery:retries")
    if done:
        messages.success(request, "It is due: its consumer takes it in its next round.")
    else:
        messages.info(request, "It does not wait any more: it is being tried, or was settled.")
    return redirect("recovery:retries")
