"""Editing a dead letter's event: type, look at the difference, send."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.accounts.models import Role
from dashboard.accounts.rights import role_required
from dashboard.recovery.differences import difference
from dashboard.recovery.editing import Edited, JsonError, headers_text, pretty
from dashboard.recovery.editions import (
    OFF,
    Original,
    create_edit,
    edit_refusal,
    make_edit,
    open_original,
    reveal_original,
    violations_of,
)
from dashboard.recovery.forms import EditForm
from dashboard.recovery.selection import SelectionError
from ingest.models import DeadLetter
from ingest.queries.letters import get_dead_letter

__all__ = ["check_edit", "edit_page"]

WAYS_TOLD = 30


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(Role.OPERATOR)
def edit_page(request: HttpRequest, letter_id: int) -> HttpResponse:
    """The editor; with a POST the difference, and when that was seen, the job."""
    letter = _find(letter_id)
    if refusal := edit_refusal(letter, by=request.user):
        context = {"letter": letter, "reason": refusal, "off": refusal == OFF}
        return render(request, "recovery/edit_refused.html", context, status=409)
    original = reveal_original(letter, by=request.user)
    before = {"event": pretty(original.body), "headers": headers_text(original.headers)}
    form = EditForm(request.POST or None, initial=before)
    context = {"letter": letter, "form": form}
    if request.method == "POST":
        return _typed(request, letter, original, form, before, context)
    return render(request, "recovery/edit.html", context)


@require_POST
@never_cache
@role_required(Role.OPERATOR)
def check_edit(request: HttpRequest, letter_id: int) -> HttpResponse:
    """What is to be said of the text so far, as a fragment."""
    letter = _find(letter_id)
    if refusal := edit_refusal(letter, by=request.user):
        return render(request, "recovery/_edit_verdict.html", {"refusal": refusal})
    text, headers = request.POST.get("event", ""), request.POST.get("headers", "")
    try:
        edited = make_edit(letter, open_original(letter), text=text, headers=headers)
    except SelectionError as error:
        return render(request, "recovery/_edit_verdict.html", _wrong(error))
    return render(request, "recovery/_edit_verdict.html", _told(edited))


def _typed(
    request: HttpRequest,
    letter: DeadLetter,
    original: Original,
    form: EditForm,
    before: dict[str, str],
    context: dict[str, Any],
) -> HttpResponse:
    if not form.is_valid():
        return render(request, "recovery/edit.html", context, status=400)
    told = form.cleaned_data
    try:
        edited = make_edit(letter, original, text=told["event"], headers=told["headers"])
        seen = _digest(told)
        if "send" in request.POST and request.POST.get("seen") == seen:
            return redirect(
                "recovery:job",
                create_edit(actor=request.user, edited=edited, note=told["note"]).pk,
            )
    except SelectionError as error:
        return render(request, "recovery/edit.html", {**context, **_wrong(error)}, status=400)
    changes = difference(before["event"], told["event"].strip())
    header_changes = difference(before["headers"], told["headers"].strip())
    looked = {"changes": changes, "header_changes": header_changes, "seen": seen, "looked": True}
    return render(request, "recovery/edit.html", {**context, **looked, **_told(edited)})


def _told(edited: Edited) -> dict[str, Any]:
    violations = violations_of(edited.body)
    return {
        "fits": violations == [],
        "known": violations is not None,
        "violations": (violations or [])[:WAYS_TOLD],
    }


def _wrong(error: SelectionError) -> dict[str, Any]:
    line = error.line if isinstance(error, JsonError) else 0
    return {"wrong": error, "line": line}


def _digest(told: dict[str, str]) -> str:
    """Of what was looked at: another text is looked at first."""
    text = "\0".join((told["event"], told["headers"]))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _find(letter_id: int) -> DeadLetter:
    letter = get_dead_letter(letter_id)
    if letter is None:
        raise Http404("There is no dead letter with this number.")
    return letter
