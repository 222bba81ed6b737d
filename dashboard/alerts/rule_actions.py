"""What admins do to rules: each a row, each in the audit log."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
from django.db import transaction

from dashboard.accounts import audit
from dashboard.alerts.defining import options_of
from dashboard.alerts.models import AlertRule
from dashboard.alerts.rule import Rule
from dashboard.alerts.ruleset import all_rules, longest_s, write_definition
from dashboard.rule_options import Problem, RuleOptions, problems_of
from eventscope.errors import EventscopeError

__all__ = ["MOST_RULES", "RuleNotFound", "RuleRefused", "delete_rule", "save_rule", "switch_rule"]

MOST_RULES = 2_000


class RuleRefused(EventscopeError, ValueError):
    """The rule cannot be so; ``problems`` say why, each with its field."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{one.field}: {one.message}" for one in problems))
        self.problems = list(problems)


class RuleNotFound(EventscopeError, LookupError):
    """There is no rule of this name, or nothing of yours to delete."""


def save_rule(options: RuleOptions, *, by: object, new: bool = False) -> Rule:
    """Write a rule; ``new`` refuses a name that there is. Raises `RuleRefused`."""
    problems = problems_of(options, longest_s=longest_s())
    if problems:
        raise RuleRefused(problems)
    with transaction.atomic():
        known = all_rules()
        if new and options.name in known:
            raise RuleRefused([Problem("name", "There is a rule of this name; change that one")])
        if AlertRule.objects.exclude(name=options.name).count() >= MOST_RULES:
            raise RuleRefused([Problem("name", f"There are {MOST_RULES:,} rules already")])
        _write(options, by=by, action="alert-rule.saved")
    return all_rules()[options.name]


def switch_rule(name: str, *, enabled: bool, by: object) -> Rule:
    """On or off, whoever wrote it. Raises `RuleNotFound`."""
    with transaction.atomic():
        rule = all_rules().get(name)
        if rule is None:
            raise RuleNotFound
        if rule.enabled != enabled:
            options = msgspec.structs.replace(options_of(rule), enabled=enabled)
            _write(options, by=by, action=f"alert-rule.{'on' if enabled else 'off'}")
    return all_rules()[name]


def delete_rule(name: str, *, by: object) -> Rule | None:
    """Forget what an admin wrote; what it stood before is in force again and returned. Raises `RuleNotFound`."""
    with transaction.atomic():
        row = AlertRule.objects.filter(name=name).first()
        if row is None:
            raise RuleNotFound
        audit.record(actor=by, action="alert-rule.deleted", subject=name, detail=row.definition)
        row.delete()
    return all_rules().get(name)


def _write(options: RuleOptions, *, by: object, action: str) -> None:
    definition = write_definition(options)
    AlertRule.objects.update_or_create(
        name=options.name,
        defaults={
            "definition": definition,
            "changed_by": audit.name_of(by),
            "changed_ms": time.time_ns() // 1_000_000,
        },
    )
    audit.record(actor=by, action=action, subject=options.name, detail=definition)
