"""The page of receivers: who is told of what, and whether it arrived."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dashboard.accounts.models import Role
from dashboard.accounts.rights import role_required
from dashboard.notifying import asking
from dashboard.notifying.models import Notification
from dashboard.notifying.presenting import (
    LabelsError,
    choose_receivers,
    read_labels,
    receiver_rows,
    route_rows,
)
from dashboard.notifying.queries import list_deliveries, read_before, standings
from dashboard.notifying.receivers import configured_receivers
from dashboard.notifying.routing import read_routes

__all__ = ["receivers_page", "retry_delivery", "test_receiver"]

LISTED = 30
LATELY_MS = 7 * 86_400_000


@require_GET
@never_cache
def receivers_page(request: HttpRequest) -> HttpResponse:
    """Receivers, routes, a tester (``?labels=``) and the delivery log; filters and page are in the URL."""
    htmx = request.htmx  # type: ignore[attr-defined]
    if htmx and not htmx.boosted:
        return render(request, "notifying/_deliveries.html", _log(request))
    now_ms = time.time_ns() // 1_000_000
    routes = read_routes(settings.DASHBOARD.alerts)
    tried = _tried(request, routes)
    rows = receiver_rows(configured_receivers().values(), standings(now_ms - LATELY_MS), now_ms)
    context = {
        "rows": rows,
        "gave_up": [row for row in rows if row.standing.given_up],
        "routes": route_rows(routes),
        "labels": request.GET.get("labels", ""),
        **tried,
        **_log(request),
    }
    status = 400 if "wrong" in tried else 200
    return render(request, "notifying/receivers.html", context, status=status)


@require_POST
@role_required(Role.ADMIN)
def test_receiver(request: HttpRequest, name: str) -> HttpResponse:
    if asking.send_test(name, by=request.user) is None:
        raise Http404("There is no receiver with this name.")
    messages.success(
        request, f"A test for {name} is on its way; the delivery log tells how it went."
    )
    return redirect("notifying:receivers")


@require_POST
@role_required(Role.ADMIN)
def retry_delivery(request: HttpRequest, uid: str) -> HttpResponse:
    if asking.try_again(uid, by=request.user):
        messages.success(request, "It is tried again from now on.")
    else:
        messages.warning(request, "It is not given up, so there is nothing to try again.")
    return redirect("notifying:receivers")


def _tried(request: HttpRequest, routes: Any) -> dict[str, Any]:
    text = request.GET.get("labels")
    if text is None:
        return {}
    try:
        return {"chosen": choose_receivers(routes, read_labels(text))}
    except LabelsError as error:
        return {"wrong": str(error)}


def _log(request: HttpRequest) -> dict[str, Any]:
    states = Notification.State
    where = {
        "receiver": request.GET.get("receiver", "").replace("\x00", "")[:40],
        "state": request.GET.get("state", ""),
    }
    where["state"] = where["state"] if where["state"] in states.values else ""
    before = read_before(request.GET.get("before", ""))
    page = list_deliveries(**where, before=before, limit=LISTED)
    return {
        "deliveries": page.rows,
        "next": page.next,
        "paged": before is not None,
        "where": where,
        "filtered": any(where.values()),
        "query": urlencode({name: value for name, value in where.items() if value}),
        "states": states.choices,
        "names": list(settings.DASHBOARD.alerts.receivers),
    }
