"""Rules of alerts: list, make, change, delete and try them; what is left of error budgets."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest
from ninja import Router, Status
from ninja.params.functions import Path

from dashboard.accounts.models import Role
from dashboard.alerts.budgets import read_budgets
from dashboard.alerts.defining import Listed, options_of, rule_of
from dashboard.alerts.queries import count_by_rule, last_round
from dashboard.alerts.rule import OWN
from dashboard.alerts.rule_actions import RuleNotFound, RuleRefused, delete_rule, save_rule
from dashboard.alerts.ruleset import all_rules, list_rules, longest_s
from dashboard.alerts.trying import Trial, try_rule
from dashboard.api.problems import Problem
from dashboard.api.security import caller, require
from dashboard.api.serialise import iso
from dashboard.api.shapes.rules import (
    AlertRuleBody,
    AlertRuleChange,
    AlertRuleDraft,
    AlertRulePage,
    AlertRuleShape,
    BudgetPage,
    TrialShape,
)
from dashboard.measures import DIMENSIONS
from dashboard.rule_options import Problem as Wrong
from dashboard.rule_options import RuleOptions, problems_of
from ingest.sections import OptionsError, decode_options

__all__ = ["router"]

router = Router(tags=["alerts"], by_alias=True)


@router.get("/alert-rules", response=AlertRulePage, operation_id="listAlertRules")
def rules(request: HttpRequest) -> Any:
    """Every rule, built-in, configured and own, whether it is on or not."""
    return {"results": _told(list_rules()), "next": None}


@router.post("/alert-rules", response={201: AlertRuleShape}, operation_id="makeAlertRule")
def make(request: HttpRequest, body: AlertRuleBody) -> Any:
    """A rule of another name than there are; for admins."""
    require(request, Role.ADMIN)
    return Status(201, _saved(request, _options(body.told()), new=True))


@router.post("/alert-rules/preview", response=TrialShape, operation_id="tryAlertRule")
def preview(request: HttpRequest, body: AlertRuleDraft) -> Any:
    """What the rule would have done, and what its members are now. Nothing is stored."""
    options = _options(body.rule.told())
    _refuse(problems_of(options, longest_s=longest_s()))
    base = all_rules().get(options.name)
    return _trial(try_rule(rule_of(options, origin=OWN, base=base), span=body.span))


@router.get("/alert-rules/{slug:name}", response=AlertRuleShape, operation_id="getAlertRule")
def rule(request: HttpRequest, name: str = Path()) -> Any:
    return _told([_find(name)])[0]


@router.patch("/alert-rules/{slug:name}", response=AlertRuleShape, operation_id="changeAlertRule")
def change(request: HttpRequest, body: AlertRuleChange, name: str = Path()) -> Any:
    """What is given is changed, of a built-in rule too; for admins. Another limit alone clears as is usual."""
    require(request, Role.ADMIN)
    before = options_of(_find(name).rule)
    given = _options({"metric": before.metric, **body.told(), "name": name})
    changed = {key: getattr(given, key) for key in _fields(body)}
    if changed.keys() & {"above", "below"}:
        changed = {"above": None, "below": None, "clear": None, **changed}
    return _saved(request, msgspec.structs.replace(before, **changed))


@router.delete("/alert-rules/{slug:name}", response={204: None}, operation_id="deleteAlertRule")
def delete(request: HttpRequest, name: str = Path()) -> Any:
    """Forget what an admin wrote; what it stood before is in force again. For admins."""
    require(request, Role.ADMIN)
    try:
        delete_rule(name, by=caller(request))
    except RuleNotFound as error:
        raise Problem(404, "No admin wrote a rule of this name.") from error
    return Status(204, None)


@router.get("/error-budgets", response=BudgetPage, operation_id="listErrorBudgets")
def budgets(request: HttpRequest) -> Any:
    """What each objective allowed in the last 30 days, and what is left of it."""
    found, _ = read_budgets(settings.DASHBOARD.objectives, time.time_ns() // 1_000_000)
    results = [
        {
            "id": one.goal.name,
            "consumer": one.goal.consumer or None,
            "allowed": one.goal.allowed,
            "limit_ms": one.goal.limit_ms,
            "bad": one.spent.bad,
            "total": one.spent.total,
            "left": one.left,
        }
        for one in found
    ]
    return {"results": results, "next": None}


def _fields(body: AlertRuleChange) -> set[str]:
    """The fields of `RuleOptions` that were given: their names are the same."""
    return set(body.model_dump(exclude_unset=True))


def _options(told: dict[str, Any]) -> RuleOptions:
    try:
        options: RuleOptions = decode_options(told, RuleOptions, file="rule")
    except OptionsError as error:
        _, place, message = str(error).split(": ", 2)
        _refuse([Wrong(place, message)])
        raise
    return options


def _refuse(problems: list[Wrong]) -> None:
    if problems:
        errors = [{"place": one.field, "message": one.message} for one in problems]
        first = problems[0]
        raise Problem(400, f"{first.field}: {first.message}", errors=errors)


def _saved(request: HttpRequest, options: RuleOptions, *, new: bool = False) -> dict[str, Any]:
    try:
        save_rule(options, by=caller(request), new=new)
    except RuleRefused as error:
        _refuse(error.problems)
    return _told([_find(options.name)])[0]


def _find(name: str) -> Listed:
    found = next((one for one in list_rules() if one.rule.name == name), None)
    if found is None:
        raise Problem(404, "There is no rule of this name.")
    return found


def _told(listed: list[Listed]) -> list[dict[str, Any]]:
    last, open_now = last_round(), count_by_rule()
    left_out = last.left_out if last else {}
    return [_rule(one, open_now, left_out) for one in listed]


def _rule(one: Listed, open_now: dict[str, int], left_out: dict[str, int]) -> dict[str, Any]:
    rule = one.rule
    scope = dict(rule.scope)
    same = (
        *("name", "title", "metric", "unit", "above", "below", "clear", "minimum", "severity"),
        *("no_data", "runbook", "owner", "enabled", "explanation", "origin"),
    )
    return {
        **{name: getattr(rule, name) for name in same},
        **{f"{name}s": list(scope.get(name, ())) for name in DIMENSIONS},
        "id": rule.name,
        "members": list(rule.members),
        "for_": rule.for_s,
        "keep_firing_for": rule.clear_s,
        "by": rule.question.by,
        "own": one.own,
        "open": open_now.get(rule.name, 0),
        "left_out": left_out.get(rule.name, 0),
    }


def _trial(trial: Trial) -> dict[str, Any]:
    spans = trial.past.spans
    return {
        "sentence": trial.sentence,
        "fired": len(spans),
        "spans": [
            {
                "subject": span.subject,
                "from_": iso(span.from_ms),
                "until": iso(span.until_ms),
                "peak": span.peak,
                "ended": span.ended,
            }
            for span in spans
        ],
        "known_share": trial.known_share,
        "known_since": iso(trial.begins_ms),
        "members": [
            {"subject": one.subject, "value": one.value, "holds": one.holds}
            for one in trial.members
        ],
        "left_out": trial.left_out,
    }
