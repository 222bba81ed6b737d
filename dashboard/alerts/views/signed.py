"""What the receiver of a notification does by its link, without signing in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dashboard.alerts import queries
from dashboard.alerts.acting import carry_out
from dashboard.alerts.actions import ActionError
from dashboard.alerts.links import LinkError, Order, read_link
from dashboard.alerts.presenting import SNOOZES
from dashboard.alerts.views.together import chosen_act

__all__ = ["act_by_link"]

WORDS = {"acknowledge": "Acknowledge", "snooze": "Snooze", "resolve": "Resolve"}


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def act_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """Ask first; only a POST acts, so that what merely fetches the link (a preview, a scanner) does not."""
    try:
        order = read_link(token)
    except LinkError as error:
        return render(request, "alerts/act.html", {"problem": str(error)}, status=410)
    context: dict[str, Any] = {"order": order, "verb": WORDS[order.act], "snoozes": SNOOZES}
    if request.method == "POST":
        context |= _carry_out(request, order)
    context["alerts"] = queries.alerts_by_id(order.ids)
    return render(request, "alerts/act.html", context)


def _carry_out(request: HttpRequest, order: Order) -> dict[str, Any]:
    """What came of it. A refusal is told with 200: Django writes the address of a 400, a usable link, to the log."""
    try:
        acted = carry_out(chosen_act(request, order.act), order.ids, by=order.actor)
    except ActionError as error:
        return {"told": str(error), "told_tone": "bad"}
    tone = "ok" if acted.changed else "warn"
    return {"told": acted.words, "told_tone": tone, "done": True}
