"""Rules: what is done to dead letters by itself, and what was."""

from __future__ import annotations

import time

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dashboard.accounts.models import Role
from dashboard.accounts.rights import role_required
from dashboard.recovery import ruling
from dashboard.recovery.forms import RuleForm
from dashboard.recovery.models import Firing, HandlerRule
from dashboard.recovery.rule_rows import rule_rows
from dashboard.recovery.ruling import RuleError, sync_configured

__all__ = ["add", "remove", "rules_page", "turn"]

LISTED = 50


@require_GET
@never_cache
def rules_page(request: HttpRequest) -> HttpResponse:
    return _page(request, RuleForm())


@require_POST
@role_required(Role.ADMIN)
def add(request: HttpRequest) -> HttpResponse:
    form = RuleForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    try:
        ruling.add_rule(by=request.user, **form.cleaned_data)
    except RuleError as error:
        form.add_error("value", str(error))
        return _page(request, form, status=400)
    messages.success(request, "The rule is there, and off. Try it before you turn it on.")
    return redirect("recovery:rules")


@require_POST
@role_required(Role.ADMIN)
def turn(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Off, tried or on."""
    mode = request.POST.get("mode", "")
    if mode not in HandlerRule.Mode.values:
        messages.error(request, "A rule is off, tried or on.")
        return redirect("recovery:rules")
    try:
        ruling.change_mode(rule_id, mode, by=request.user)
    except RuleError as error:
        messages.error(request, f"Not changed: {error}.")
    return redirect("recovery:rules")


@require_POST
@role_required(Role.ADMIN)
def remove(request: HttpRequest, rule_id: int) -> HttpResponse:
    try:
        ruling.remove_rule(rule_id, by=request.user)
    except RuleError as error:
        messages.error(request, f"Not removed: {error}.")
    return redirect("recovery:rules")


def _page(request: HttpRequest, form: RuleForm, status: int = 200) -> HttpResponse:
    sync_configured()
    before = request.GET.get("before", "")
    paged = before.isascii() and before.isdigit() and len(before) < 19
    firings = Firing.objects.select_related("rule").order_by("-pk")
    if paged:
        firings = firings.filter(pk__lt=int(before))
    found = list(firings[: LISTED + 1])
    context = {
        "rows": rule_rows(now_ms=time.time_ns() // 1_000_000),
        "form": form,
        "firings": found[:LISTED],
        "next": found[LISTED - 1].pk if len(found) > LISTED else None,
        "paged": paged,
    }
    return render(request, "recovery/rules.html", context, status=status)
