"""Failures that are alike: one with its history, and what people do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dashboard.accounts.models import Role
from dashboard.accounts.rights import role_required
from dashboard.recovery import group_actions
from dashboard.recovery.asking import NO_FAILURE, Ask
from dashboard.recovery.group_actions import LONGEST_NOTE, GroupError
from dashboard.recovery.groups import SPANS, GroupPage, merged_fingerprints, read_group, read_groups
from dashboard.recovery.stacks import fold_stack
from eventscope.stamps import now_ms
from ingest.models import FailurePart
from ingest.queries.letters import LetterFilter

__all__ = [
    "describe_failure",
    "divide_failure",
    "failure_page",
    "fix_failure",
    "join_failure",
    "merge_failure",
    "mute_failure",
    "span_of",
    "split_failure",
]

HOUR_MS = 3_600_000
MUTES = (("1", "an hour"), ("24", "a day"), ("168", "a week"), ("720", "30 days"))
CANDIDATES = 50


@require_GET
@never_cache
def failure_page(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """One failure: how it stands, who has it, fill and drain, its history and newest letters."""
    known = _known(fingerprint)
    now = now_ms()
    root = merged_fingerprints().get(known)
    if root is not None:
        return redirect("recovery:failure", root or NO_FAILURE)
    page = read_group(known, span=span_of(request.GET), now_ms=now)
    if page is None:
        raise Http404("No dead letter has this fingerprint.")
    context = {
        "page": page,
        "row": page.row,
        "group": page.row.group,
        "stack": fold_stack(page.row.group.newest.error_stack) if page.row.group.newest else [],
        "spans": SPANS,
        "mutes": MUTES,
        "matches": FailurePart.Match.choices,
        "longest": LONGEST_NOTE,
        "candidates": _candidates(page, now),
    }
    return render(request, "recovery/failure.html", context)


@require_POST
@role_required(Role.OPERATOR)
def describe_failure(request: HttpRequest, fingerprint: str) -> HttpResponse:
    def deed(known: str) -> str:
        names = ("owner", "note", "ticket")
        told = {name: request.POST.get(name, "") for name in names}
        group_actions.describe_group(known, by=request.user, **told)
        return "Saved."

    return _do(request, fingerprint, deed)


@require_POST
@role_required(Role.OPERATOR)
def fix_failure(request: HttpRequest, fingerprint: str) -> HttpResponse:
    def deed(known: str) -> str:
        group_actions.mark_fixed(known, by=request.user, how=request.POST.get("how", ""))
        return "Noted as fixed. A letter that comes from now on makes it regressed."

    return _do(request, fingerprint, deed)


@require_POST
@role_required(Role.OPERATOR)
def mute_failure(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """``hours``: how long; empty to end it."""

    def deed(known: str) -> str:
        hours = request.POST.get("hours", "")
        until = now_ms() + _hours(hours) * HOUR_MS if hours else None
        group_actions.mute_group(known, by=request.user, until_ms=until)
        return "Muted. It is still counted." if until else "No longer muted."

    return _do(request, fingerprint, deed)


@require_POST
@role_required(Role.OPERATOR)
def merge_failure(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """``into``: the fingerprint of the failure that it is to count with."""

    def deed(known: str) -> str:
        into = _known(request.POST.get("into", "").strip())
        group_actions.merge_group(known, into=into, by=request.user)
        return "Merged. Split it here whenever they turn out to differ."

    return _do(request, fingerprint, deed)


@require_POST
@role_required(Role.OPERATOR)
def split_failure(request: HttpRequest, fingerprint: str) -> HttpResponse:
    def deed(known: str) -> str:
        group_actions.split_group(known, by=request.user)
        return "It stands for itself again."

    return _do(request, fingerprint, deed)


@require_POST
@role_required(Role.OPERATOR)
def divide_failure(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """``match`` and ``value``: which of its letters are kept apart."""

    def deed(known: str) -> str:
        told = {name: request.POST.get(name, "") for name in ("match", "value")}
        group_actions.divide_group(known, by=request.user, **told)
        return "Kept apart, those that come later too. They are listed under what was divided."

    return _do(request, fingerprint, deed)


@require_POST
@role_required(Role.OPERATOR)
def join_failure(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """Undo it."""
    origin = []

    def deed(known: str) -> str:
        origin.append(group_actions.join_group(known, by=request.user))
        return "Put back: they count with this failure again."

    answer = _do(request, fingerprint, deed)
    return redirect("recovery:failure", origin[0] or NO_FAILURE) if origin else answer


def span_of(given: QueryDict) -> Any:
    return next((span for span in SPANS if span.key == given.get("span")), SPANS[0])


def _do(request: HttpRequest, fingerprint: str, deed: Callable[[str], str]) -> HttpResponse:
    try:
        messages.success(request, deed(_known(fingerprint)))
    except GroupError as error:
        context = {"error": error, "fingerprint": fingerprint}
        return render(request, "recovery/failure_refused.html", context, status=400)
    return redirect("recovery:failure", fingerprint)


def _candidates(page: GroupPage, now_ms: int) -> list[Any]:
    """What it could be merged into: the other failures with most open letters."""
    rows = read_groups(Ask(LetterFilter()), now_ms=now_ms, limit=CANDIDATES, deploys=page.deploys)
    return [row for row in rows if row.group.key != page.row.group.key]


def _hours(text: str) -> int:
    if text not in dict(MUTES):
        raise GroupError("hours", "is none of the times that can be chosen")
    return int(text)


def _known(fingerprint: str) -> str:
    return "" if fingerprint == NO_FAILURE else fingerprint.replace("\x00", "")[:32]
