"""The rules of the house: built-in, of the configuration, and those that admins wrote."""

from __future__ import annotations

import msgspec
from django.conf import settings

from dashboard.alerts.defining import Listed, combine
from dashboard.alerts.models import AlertRule
from dashboard.alerts.rule import Rule
from dashboard.alerts.rules import built_in_rules
from dashboard.rule_options import RuleOptions, problems_of
from ingest.sections import OptionsError, decode_options

__all__ = [
    "all_rules",
    "list_rules",
    "longest_s",
    "read_definition",
    "rules_in_force",
    "write_definition",
]


def list_rules() -> list[Listed]:
    """Every rule, whether it is on or not; one query. One that can no longer be read is left out."""
    own = {}
    for row in AlertRule.objects.order_by("name"):
        options = read_definition(row.definition)
        if options is not None:
            own[row.name] = options
    alerts = settings.DASHBOARD.alerts
    return combine(built_in_rules(settings.DASHBOARD), alerts.rules, own)


def all_rules() -> dict[str, Rule]:
    """By name."""
    return {listed.rule.name: listed.rule for listed in list_rules()}


def rules_in_force() -> list[Rule]:
    """Those that are evaluated: none while alerts are switched off."""
    if not settings.DASHBOARD.alerts.enabled:
        return []
    return [listed.rule for listed in list_rules() if listed.rule.enabled]


def read_definition(definition: object) -> RuleOptions | None:
    """A stored definition; None if this version knows it no more (a metric that is gone, say)."""
    try:
        options: RuleOptions = decode_options(definition, RuleOptions, file="database")
    except OptionsError:
        return None
    return None if problems_of(options, longest_s=float("inf")) else options


def write_definition(options: RuleOptions) -> dict[str, object]:
    """As it is stored: what `read_definition` reads; defaults are left out."""
    usual = msgspec.to_builtins(RuleOptions(name="", metric=""), enc_hook=float)
    told = msgspec.to_builtins(options, enc_hook=float)
    return {key: value for key, value in told.items() if key == "name" or value != usual[key]}


def longest_s() -> float:
    """How long metrics are kept by the minute: no rule may wait longer."""
    return float(settings.INGEST.retention.metrics.minute)
