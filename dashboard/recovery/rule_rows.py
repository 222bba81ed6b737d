"""Rules as they are listed: what each would have looked after, and what it did."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Count

from dashboard.recovery.models import Firing, HandlerRule
from dashboard.recovery.rule_steps import StepError, read_rule
from dashboard.recovery.ruling import would_match

__all__ = ["RuleRow", "rule_rows"]

DAY_MS = 86_400_000


class RuleRow(NamedTuple):
    """A rule with what it would have looked after and what it did within a day; ``wrong``: it cannot be read."""

    rule: HandlerRule
    would: int
    fired: int
    tried: int
    wrong: str


def rule_rows(*, now_ms: int) -> list[RuleRow]:
    """All of them, in a fixed number of queries."""
    rules = list(HandlerRule.objects.order_by("match", "value", "pk"))
    would = would_match(rules, now_ms=now_ms)
    since = Firing.objects.filter(at_ms__gte=now_ms - DAY_MS).values_list("rule", "tried")
    fired = {
        (rule, tried): n for rule, tried, n in since.annotate(n=Count("letter", distinct=True))
    }
    return [
        RuleRow(
            rule,
            would.get(rule.pk, 0),
            fired.get((rule.pk, False), 0),
            fired.get((rule.pk, True), 0),
            _wrong(rule),
        )
        for rule in rules
    ]


def _wrong(rule: HandlerRule) -> str:
    try:
        read_rule(rule.actions)
    except StepError as error:
        return str(error)
    return ""
