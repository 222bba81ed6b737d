"""Rules for dead letters: what is done by itself, tried before it is turned on."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from ninja.params.functions import Path
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from dashboard.accounts.models import Role
from dashboard.api.paging import PageParameters, seal, unseal
from dashboard.api.problems import Problem
from dashboard.api.security import caller, require
from dashboard.api.serialise import iso
from dashboard.api.shapes.recovery import FiringPage, RulePage, RuleShape
from dashboard.explore.filters import FilterError
from dashboard.recovery.models import Firing, HandlerRule
from dashboard.recovery.rule_rows import RuleRow, rule_rows
from dashboard.recovery.rule_steps import StepError
from dashboard.recovery.ruling import (
    RuleError,
    add_rule,
    change_mode,
    remove_rule,
    sync_configured,
)
from eventscope.stamps import now_ms

__all__ = ["router"]

router = Router(tags=["recovery"], by_alias=True)


class RuleBody(Schema):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)
    match: HandlerRule.Match
    value: str = Field(
        min_length=1, max_length=200, description="an error type, * for any; or a failure"
    )
    actions: list[str] = Field(min_length=1, max_length=20)


class ModeBody(Schema):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)
    mode: HandlerRule.Mode = Field(
        description="tried is a dry run, without which none is turned on"
    )


@router.get("/dead-letters/rules", response=RulePage, operation_id="listRules")
def rules(request: HttpRequest) -> Any:
    """All of them, with what each would have looked after and what it did in the last 24 hours."""
    sync_configured()
    return {"results": [_told(row) for row in rule_rows(now_ms=now_ms())], "next": None}


@router.post("/dead-letters/rules", response={201: RuleShape}, operation_id="addRule")
def add(request: HttpRequest, body: RuleBody) -> Any:
    """A rule that is off (admin)."""
    require(request, Role.ADMIN)
    try:
        told = {
            "match": body.match,
            "value": body.value.replace("\x00", ""),
            "actions": body.actions,
        }
        rule = add_rule(by=caller(request), **told)
    except StepError as error:
        raise FilterError("actions", str(error)) from error
    except RuleError as error:
        raise Problem(409, f"{str(error).capitalize()}.") from error
    return Status(201, _one(rule.pk))


@router.post("/dead-letters/rules/{int:id}/mode", response=RuleShape, operation_id="turnRule")
def turn(request: HttpRequest, body: ModeBody, rule_id: int = Path(alias="id")) -> Any:
    """Off, tried, or on; it begins with the letters that arrive from now on (admin)."""
    require(request, Role.ADMIN)
    _one(rule_id)
    try:
        change_mode(rule_id, body.mode, by=caller(request))
    except RuleError as error:
        raise Problem(409, f"{str(error).capitalize()}.") from error
    return _one(rule_id)


@router.delete("/dead-letters/rules/{int:id}", response={204: None}, operation_id="removeRule")
def remove(request: HttpRequest, rule_id: int = Path(alias="id")) -> Any:
    """With what it fired; the audit log keeps that (admin)."""
    require(request, Role.ADMIN)
    _one(rule_id)
    try:
        remove_rule(rule_id, by=caller(request))
    except RuleError as error:
        raise Problem(409, f"{str(error).capitalize()}.") from error
    return Status(204, None)


@router.get("/dead-letters/rules/firings", response=FiringPage, operation_id="listFirings")
def firings(request: HttpRequest, page: Query[PageParameters]) -> Any:
    """What rules did and, while they are tried, would have done; the newest first."""
    before = unseal(page.cursor, "firings")
    rows = Firing.objects.order_by("-pk")
    found = list((rows.filter(pk__lt=before) if before else rows)[: page.limit + 1])
    more = found[page.limit - 1].pk if len(found) > page.limit else None
    return {"results": [_firing(one) for one in found[: page.limit]], "next": seal(more, "firings")}


def _one(rule_id: int) -> dict[str, Any]:
    """Raises `Problem` 404."""
    row = next((row for row in rule_rows(now_ms=now_ms()) if row.rule.pk == rule_id), None)
    if row is None:
        raise Problem(404, "There is no rule with this id.")
    return _told(row)


def _told(row: RuleRow) -> dict[str, Any]:
    rule = row.rule
    return {
        "id": rule.pk,
        "match": rule.match,
        "value": rule.value,
        "actions": rule.actions,
        "mode": rule.mode,
        "configured": rule.configured,
        "wouldMatch": row.would,
        "fired": row.fired,
        "tried": row.tried,
        "wrong": row.wrong or None,
        "changedBy": rule.changed_by,
        "changedAt": iso(rule.changed_ms),
    }


def _firing(one: Firing) -> dict[str, Any]:
    return {
        "id": one.pk,
        "rule": one.rule_id,
        "letter": one.letter,
        "step": one.step,
        "tried": one.tried,
        "at": iso(one.at_ms),
        "job": one.job,
    }
