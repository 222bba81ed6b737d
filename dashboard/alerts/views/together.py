"""One act for all alerts that a person has chosen in the list."""

from __future__ import annotations

import time

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from dashboard.accounts.models import Role
from dashboard.accounts.rights import role_required
from dashboard.alerts.acting import MOST_AT_ONCE, Act, carry_out
from dashboard.alerts.actions import ActionError
from dashboard.alerts.filtering import read_where
from dashboard.alerts.presenting import SNOOZES
from dashboard.alerts.views.episodes import list_context

__all__ = ["act_together", "chosen_act"]

LONGEST_ID = 18


@require_POST
@role_required(Role.OPERATOR)
def act_together(request: HttpRequest) -> HttpResponse:
    """Do it to each, and tell what did not happen and who was first."""
    try:
        ids = chosen_ids(request.POST.getlist("id"))
        act = chosen_act(request, request.POST.get("act", ""))
        told, failed = carry_out(act, ids, by=request.user).words, False
    except ActionError as error:
        told, failed = str(error), True
    if request.htmx:  # type: ignore[attr-defined]
        context = list_context(request) | {"told_all": told, "told_bad": failed}
        return render(request, "alerts/_list.html", context)
    (messages.error if failed else messages.info)(request, told)
    where = read_where(request.POST.dict())
    query = urlencode({name: value for name, value in where.items() if value})
    return redirect(f"{reverse('alerts:alerts')}{'?' + query if query else ''}")


def chosen_ids(given: list[str]) -> list[int]:
    """The chosen alerts. Raises `ActionError` for none, too many, or what is no number."""
    if not given:
        raise ActionError("Choose at least one alert first.")
    if len(given) > MOST_AT_ONCE:
        raise ActionError(f"At most {MOST_AT_ONCE} alerts at once; these are {len(given)}.")
    bad = [text for text in given if not (text.isascii() and text.isdecimal())]
    if bad or any(len(text) > LONGEST_ID for text in given):
        raise ActionError(f"{(bad or given)[0][:40]!r} is not the number of an alert.")
    return [int(text) for text in given]


def chosen_act(request: HttpRequest, name: str) -> Act:
    """The act of this name with what the form gives it: ``note``, ``minutes`` and ``to``."""
    minutes = request.POST.get("minutes", "")
    until_ms = None
    if name == "snooze" and minutes in {str(choice.minutes) for choice in SNOOZES}:
        until_ms = time.time_ns() // 1_000_000 + int(minutes) * 60_000
    note = request.POST.get("note", "")
    return Act(name=name, note=note, until_ms=until_ms, to=request.POST.get("to", ""))
