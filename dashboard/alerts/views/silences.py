"""The page of silences and windows of maintenance, and what a person does there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dashboard.accounts.models import Role
from dashboard.accounts.rights import role_required
from dashboard.alerts import queries
from dashboard.alerts.forms import MINUTES, MaintenanceForm, SilenceForm
from dashboard.alerts.models import Silence
from dashboard.alerts.paging import CursorError
from dashboard.alerts.silence_rows import current_rows, ended_rows
from dashboard.alerts.silences import (
    SilenceError,
    SilenceNotFound,
    Wanted,
    add_silence,
    common_matchers,
    end_silence,
    extend_silence,
    hushed_now,
    read_matchers,
)
from dashboard.alerts.views.together import chosen_ids
from eventscope.stamps import now_ms

__all__ = [
    "add_maintenance",
    "add_plain_silence",
    "end",
    "extend",
    "preview",
    "silence_alert",
    "silences_page",
]

LISTED = 30


@require_GET
@never_cache
def silences_page(request: HttpRequest) -> HttpResponse:
    """What hushes now, what will, and what did. ``?id=…`` begins a silence with what these alerts share."""
    ids = request.GET.getlist("id")
    try:
        sentences = common_matchers(queries.alerts_by_id(chosen_ids(ids))) if ids else []
    except ValueError as error:
        messages.error(request, str(error))
        sentences = []
    silence = SilenceForm(prefix="silence", initial={"matchers": "\n".join(sentences)})
    return _page(request, silence, MaintenanceForm(prefix="maintenance"))


@require_GET
@never_cache
@role_required(Role.OPERATOR)
def preview(request: HttpRequest) -> HttpResponse:
    """How many open alerts the matchers of a form fit now."""
    asked = asked_matchers(request.GET)
    if not any(sentence.strip() for sentence in asked):
        return render(request, "alerts/_hushes.html", {"nothing_asked": True})
    try:
        count, shown = hushed_now(read_matchers(asked), most=5)
    except SilenceError as error:
        return render(request, "alerts/_hushes.html", {"problem": str(error)})
    context = {"count": count, "shown": shown, "more": count - len(shown)}
    return render(request, "alerts/_hushes.html", context)


@require_POST
@role_required(Role.OPERATOR)
def add_plain_silence(request: HttpRequest) -> HttpResponse:
    form = SilenceForm(request.POST, prefix="silence")
    if form.is_valid() and _added(request, form, lambda: form.wanted(now_ms())):
        return redirect("alerts:silences")
    return _page(request, form, MaintenanceForm(prefix="maintenance"), status=400)


@require_POST
@role_required(Role.OPERATOR)
def add_maintenance(request: HttpRequest) -> HttpResponse:
    form = MaintenanceForm(request.POST, prefix="maintenance")
    if form.is_valid() and _added(request, form, form.wanted):
        return redirect("alerts:silences")
    return _page(request, SilenceForm(prefix="silence"), form, status=400)


@require_POST
@role_required(Role.OPERATOR)
def silence_alert(request: HttpRequest, episode_id: int) -> HttpResponse:
    """From the page of an alert, in one click: what is like it, for as long as chosen."""
    if queries.get_alert(episode_id) is None:
        raise Http404("There is no alert with this number.")
    now, minutes = now_ms(), request.POST.get("minutes", "")
    try:
        if minutes not in {str(choice) for choice, _ in MINUTES}:
            raise SilenceError("Choose for how long.")
        wanted = Wanted(
            matchers=asked_matchers(request.POST),
            ends_ms=now + int(minutes) * 60_000,
            comment=request.POST.get("comment", ""),
        )
        silence = add_silence(wanted, by=request.user)
        messages.success(request, f"Hushed by {silence.name}.")
    except SilenceError as error:
        messages.error(request, str(error))
    return redirect(reverse("alerts:alert", args=(episode_id,)))


@require_POST
@role_required(Role.OPERATOR)
def end(request: HttpRequest, silence_id: int) -> HttpResponse:
    return _changed(request, lambda: end_silence(silence_id, by=request.user))


@require_POST
@role_required(Role.OPERATOR)
def extend(request: HttpRequest, silence_id: int) -> HttpResponse:
    """From its end, or from now, by the minutes chosen."""
    minutes = request.POST.get("minutes", "")
    silence = Silence.objects.filter(pk=silence_id).first()
    if minutes not in {str(choice) for choice, _ in MINUTES} or silence is None:
        return _changed(request, lambda: _refuse(silence))
    ends_ms = max(silence.ends_ms, now_ms()) + int(minutes) * 60_000
    return _changed(request, lambda: extend_silence(silence_id, by=request.user, ends_ms=ends_ms))


def asked_matchers(given: QueryDict) -> list[str]:
    """Sentences of boxes (``matcher``) and of lines (``matchers``, of whichever form)."""
    lines = [given[key] for key in given if key == "matchers" or key.endswith("-matchers")]
    return [*given.getlist("matcher"), *(line for text in lines for line in text.splitlines())]


def _page(
    request: HttpRequest, silence: SilenceForm, maintenance: MaintenanceForm, status: int = 200
) -> HttpResponse:
    now = now_ms()
    cursor = request.GET.get("cursor")
    context: dict[str, Any] = {
        "now_ms": now,
        "silence_form": silence,
        "maintenance_form": maintenance,
        "rows": current_rows(now),
        "minutes": MINUTES,
        "paged": bool(cursor),
    }
    try:
        ended = ended_rows(now, cursor=cursor, limit=LISTED)
        context |= {"ended": ended.rows, "next": ended.next}
    except CursorError as error:
        context |= {"ended": [], "problem": str(error)}
    return render(request, "alerts/silences.html", context, status=status)


def _added(request: HttpRequest, form: forms.Form, wanted: Callable[[], Wanted]) -> bool:
    try:
        silence = add_silence(wanted(), by=request.user)
    except SilenceError as error:
        form.add_error(None, str(error))
        return False
    messages.success(request, f"This is {silence.name}.")
    return True


def _changed(request: HttpRequest, act: Callable[[], object]) -> HttpResponse:
    try:
        act()
    except SilenceNotFound as error:
        raise Http404(str(error)) from error
    except SilenceError as error:
        messages.error(request, str(error))
    return redirect("alerts:silences")


def _refuse(silence: Silence | None) -> None:
    if silence is None:
        raise SilenceNotFound()
    raise SilenceError("Choose by how long.")
