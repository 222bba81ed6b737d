"""The pages of rules: the list, the form with its trial, error budgets."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.accounts.models import Role
from dashboard.accounts.rights import allows, role_required
from dashboard.alerts import rule_actions
from dashboard.alerts.budgets import read_budgets
from dashboard.alerts.defining import Listed, options_of, rule_of
from dashboard.alerts.history import SPANS
from dashboard.alerts.queries import count_by_rule, last_round
from dashboard.alerts.rule import OWN, Rule
from dashboard.alerts.rule_actions import RuleNotFound, RuleRefused
from dashboard.alerts.rule_forms import RuleForm, initial_of
from dashboard.alerts.rule_presenting import listed_rows
from dashboard.alerts.ruleset import list_rules
from dashboard.alerts.trying import try_rule
from dashboard.rule_options import RuleOptions

__all__ = ["budgets", "delete", "edit", "new", "preview", "rules_page", "switch"]

DEFAULT_SPAN = "7d"


@require_GET
@never_cache
def rules_page(request: HttpRequest) -> HttpResponse:
    """Every rule: built-in, configured, own; on or off; what it has open and what it could not judge."""
    last = last_round()
    rows = listed_rows(
        list_rules(), open_now=count_by_rule(), left_out=last.left_out if last else {}
    )
    context = {"rows": rows, "enabled": settings.DASHBOARD.alerts.enabled}
    return render(request, "alerts/rules.html", context)


@require_http_methods(["GET", "POST"])
@role_required(Role.ADMIN)
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """A rule from nothing, or with ``?copy=NAME`` from another."""
    if request.method == "POST":
        return _save(request, None)
    copied = request.GET.get("copy", "")
    if not copied:
        return _form(request, RuleForm(initial=_nothing()), None)
    options = options_of(_find(copied).rule)
    initial = initial_of(options) | {"name": "", "title": ""}
    return _form(request, RuleForm(initial=initial), None)


@require_http_methods(["GET", "POST"])
@never_cache
def edit(request: HttpRequest, name: str) -> HttpResponse:
    """One rule with its trial; admins change it, others read."""
    listed = _find(name)
    if request.method == "POST":
        return _save_as_admin(request, listed)
    return _form(request, RuleForm(initial=initial_of(options_of(listed.rule))), listed)


@require_POST
@role_required(Role.ADMIN)
def switch(request: HttpRequest, name: str) -> HttpResponse:
    try:
        rule = rule_actions.switch_rule(
            name, enabled=request.POST.get("enabled") == "1", by=request.user
        )
    except RuleNotFound as error:
        raise Http404(str(error)) from error
    messages.success(request, f"{rule.title} is {'on' if rule.enabled else 'off'}.")
    return redirect("alerts:rules")


@require_POST
@role_required(Role.ADMIN)
def delete(request: HttpRequest, name: str) -> HttpResponse:
    try:
        left = rule_actions.delete_rule(name, by=request.user)
    except RuleNotFound as error:
        raise Http404(str(error)) from error
    told = "is deleted" if left is None else f"is the {left.origin} one again"
    messages.success(request, f"{name} {told}.")
    return redirect("alerts:rules")


@require_POST
@never_cache
def preview(request: HttpRequest) -> HttpResponse:
    """What the rule in the form would have done; nothing is stored. Whoever sees metrics may ask."""
    form = RuleForm(request.POST)
    if not form.is_valid():
        return render(request, "alerts/_trial.html", {"form": form})
    span = request.POST.get("span", "")
    rule = _as_tuned(form.options)
    trial = try_rule(rule, span=span if span in SPANS else DEFAULT_SPAN)
    return render(request, "alerts/_trial.html", {"trial": trial, "rule": rule})


@require_GET
@never_cache
def budgets(request: HttpRequest) -> HttpResponse:
    """What is left of each objective's error budget."""
    found, seconds = read_budgets(settings.DASHBOARD.objectives, time.time_ns() // 1_000_000)
    context = {"budgets": found, "observed_ms": seconds * 1000}
    return render(request, "alerts/budgets.html", context)


@role_required(Role.ADMIN)
def _save_as_admin(request: HttpRequest, listed: Listed) -> HttpResponse:
    return _save(request, listed)


def _save(request: HttpRequest, listed: Listed | None) -> HttpResponse:
    """Its name is not changed: what is open under it would be resolved."""
    told = request.POST.copy()
    if listed is not None:
        told["name"] = listed.rule.name
    form = RuleForm(told)
    if not form.is_valid():
        return _form(request, form, listed, status=400)
    try:
        rule = rule_actions.save_rule(form.options, by=request.user, new=listed is None)
    except RuleRefused as error:
        for field, message in error.problems:
            form.add_error(field if field in form.fields else None, message)
        return _form(request, form, listed, status=400)
    messages.success(request, f"{rule.title} is saved and in force within seconds.")
    return redirect(reverse("alerts:rule", args=(rule.name,)))


def _form(
    request: HttpRequest, form: RuleForm, listed: Listed | None, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "listed": listed,
        "rule": listed.rule if listed else None,
        "may": allows(request.user, Role.ADMIN),
        "spans": list(SPANS),
        "span": DEFAULT_SPAN,
    }
    return render(request, "alerts/rule.html", context, status=status)


def _find(name: str) -> Listed:
    found = next((one for one in list_rules() if one.rule.name == name), None)
    if found is None:
        raise Http404("There is no rule of this name.")
    return found


def _as_tuned(options: RuleOptions) -> Rule:
    """As it would be in force: a built-in rule that is tuned keeps the limits of single consumers."""
    before = next((one.rule for one in list_rules() if one.rule.name == options.name), None)
    made = rule_of(options, origin=OWN, base=before)
    return made if before is None else replace(made, origin=before.origin)


def _nothing() -> dict[str, Any]:
    return initial_of(RuleOptions(name="", metric="error_rate")) | {"limit": "1%"}
