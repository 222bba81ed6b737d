"""One JSON Patch over many letters: type, look at ten of them, send."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dashboard.accounts.models import Role
from dashboard.accounts.rights import role_required
from dashboard.accounts.switches import EDITING, is_on
from dashboard.recovery.bulk_editing import Patched, create_patch_job, look, patch_of
from dashboard.recovery.editions import OFF
from dashboard.recovery.forms import PatchForm
from dashboard.recovery.models import Job
from dashboard.recovery.selection import SelectionError, select_letters
from dashboard.recovery.views.choosing import read_selection
from ingest.models import DeadLetter

__all__ = ["patch_page"]


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(Role.OPERATOR)
def patch_page(request: HttpRequest) -> HttpResponse:
    """The patch; with a POST what it makes of the letters, and when that was seen, the job."""
    if not is_on(EDITING):
        refused = {"reason": OFF, "off": True}
        return render(request, "recovery/edit_refused.html", refused, status=409)
    form = PatchForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "back": request.GET.urlencode()}
    try:
        selection = read_selection(request, Job.Kind.EDIT)
    except SelectionError as error:
        return render(request, "recovery/refused.html", {"error": error}, status=400)
    newest = _newest(request)
    if request.method != "POST":
        context["letters"] = select_letters(selection, until=newest).count()
        return render(request, "recovery/patch.html", context)
    if not form.is_valid():
        return render(request, "recovery/patch.html", context, status=400)
    try:
        patched = look(selection, patch_of(form.cleaned_data["patch"]), until=newest)
        if _was_seen(request, form, newest, patched):
            note = form.cleaned_data["note"]
            job = create_patch_job(actor=request.user, patched=patched, note=note)
            return redirect("recovery:job", job.pk)
    except SelectionError as error:
        return render(request, "recovery/patch.html", {**context, "wrong": error}, status=400)
    context |= {
        "patched": patched,
        "newest": newest,
        "seen": _digest(form, newest),
        "went": max(0, _number(request.POST.get("fits", "")) - patched.fits),
    }
    return render(request, "recovery/patch.html", context)


def _was_seen(request: HttpRequest, form: PatchForm, newest: int, patched: Patched) -> bool:
    """Whether what is to be sent is what was looked at: the same patch, and as many letters."""
    same = request.POST.get("seen") == _digest(form, newest)
    fits = _number(request.POST.get("fits", ""))
    return "send" in request.POST and same and 0 < fits == patched.fits


def _digest(form: PatchForm, newest: int) -> str:
    text = f"{newest}\0{form.cleaned_data['patch']}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _newest(request: HttpRequest) -> int:
    """The letter up to which was looked; what arrived since is left alone."""
    newest = DeadLetter.objects.aggregate(newest=Max("pk"))["newest"] or 0
    told = _number(request.POST.get("newest", ""))
    return min(told, newest) if told and "send" in request.POST else newest


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
