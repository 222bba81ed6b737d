"""The rules of the house: those that admins made, and those of ``[dead_letters.handlers]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, QuerySet

from dashboard.accounts import audit
from dashboard.recovery.models import HandlerRule
from dashboard.recovery.rule_steps import read_rule
from eventscope.errors import EventscopeError
from eventscope.stamps import now_ms
from ingest.models import DeadLetter

__all__ = [
    "ANY",
    "MOST_RULES",
    "RuleError",
    "add_rule",
    "change_mode",
    "matching",
    "remove_rule",
    "sync_configured",
    "would_match",
]

MOST_RULES = 100
DAY_MS = 86_400_000
ANY = "*"
Mode = HandlerRule.Mode


class RuleError(EventscopeError, ValueError):
    """The rule cannot be so; the message says why."""


def add_rule(*, by: object, match: str, value: str, actions: Sequence[str]) -> HandlerRule:
    """A rule that does nothing yet. Raises `RuleError` and `StepError`."""
    texts = read_rule(actions).texts
    with transaction.atomic():
        if HandlerRule.objects.count() >= MOST_RULES:
            raise RuleError(f"there are {MOST_RULES} rules already")
        rule, made = HandlerRule.objects.get_or_create(
            match=match, value=value, configured=False, defaults={"actions": texts}
        )
        if not made:
            raise RuleError("there is a rule for these letters already")
        _record(by, "rule.added", rule)
    return rule


def change_mode(rule_id: int, mode: str, *, by: object) -> HandlerRule:
    """Off, tried, or on. It begins with the letters that arrive from now on. Raises `RuleError`."""
    newest = DeadLetter.objects.aggregate(newest=Max("pk"))["newest"] or 0
    with transaction.atomic():
        rule = HandlerRule.objects.select_for_update().filter(pk=rule_id).first()
        if rule is None:
            raise RuleError("there is no such rule")
        if mode == Mode.ON and rule.mode == Mode.OFF:
            raise RuleError("try it first: what it would do is listed, and nothing is done")
        if mode != rule.mode:
            rule.mode, rule.since_letter, rule.looked_until = mode, newest, newest
            rule.changed_by, rule.changed_ms = audit.name_of(by), now_ms()
            rule.save()
            _record(by, f"rule.{mode}", rule)
    return rule


def remove_rule(rule_id: int, *, by: object) -> None:
    """With what it fired; the audit log keeps that. Those of the configuration stay. Raises `RuleError`."""
    with transaction.atomic():
        rule = HandlerRule.objects.filter(pk=rule_id, configured=False).first()
        if rule is None:
            raise RuleError("there is no such rule, or it stands in the configuration")
        _record(by, "rule.removed", rule)
        rule.delete()


def sync_configured(handlers: Mapping[str, Sequence[str]] | None = None) -> None:
    """Make ``[dead_letters.handlers]`` rules, off until an admin turns them on; changed ones are off again."""
    told = settings.DASHBOARD.dead_letters.handlers if handlers is None else handlers
    known = {rule.value: rule for rule in HandlerRule.objects.filter(configured=True)}
    for value, actions in told.items():
        rule = known.pop(value, None)
        if rule is None:
            HandlerRule.objects.get_or_create(
                match=HandlerRule.Match.ERROR,
                value=value[:200],
                configured=True,
                defaults={"actions": list(actions)},
            )
        elif rule.actions != list(actions):
            HandlerRule.objects.filter(pk=rule.pk).update(actions=list(actions), mode=Mode.OFF)
    HandlerRule.objects.filter(pk__in=[rule.pk for rule in known.values()]).delete()


def matching(rule: HandlerRule) -> QuerySet[DeadLetter]:
    """The letters that the rule is for, of every status and time."""
    rows = DeadLetter.objects.defer("event", "headers", "error_stack", "error_message")
    if rule.match == HandlerRule.Match.FAILURE:
        return rows.filter(fingerprint=rule.value)
    return rows if rule.value == ANY else rows.filter(error_type=rule.value)


def would_match(rules: Iterable[HandlerRule], *, now_ms: int) -> dict[int, int]:
    """Rule → letters of the last 24 hours that it would have looked after; three queries at the most."""
    recent = DeadLetter.objects.filter(received_ms__gte=now_ms - DAY_MS, origin="")
    listed = list(rules)
    by_error = [rule for rule in listed if rule.match == HandlerRule.Match.ERROR]
    found = _counted(recent, "fingerprint", [rule for rule in listed if rule not in by_error])
    found |= _counted(recent, "error_type", [rule for rule in by_error if rule.value != ANY])
    of_all = [rule for rule in by_error if rule.value == ANY]
    return found | dict.fromkeys((rule.pk for rule in of_all), recent.count() if of_all else 0)


def _counted(
    recent: QuerySet[DeadLetter], field: str, rules: Sequence[HandlerRule]
) -> dict[int, int]:
    if not rules:
        return {}
    rows = recent.filter(**{f"{field}__in": [rule.value for rule in rules]})
    counts = dict(rows.values_list(field).annotate(n=Count("pk")).order_by())
    return {rule.pk: counts.get(rule.value, 0) for rule in rules}


def _record(by: object, action: str, rule: HandlerRule) -> None:
    detail = {"match": rule.match, "value": rule.value, "actions": rule.actions, "mode": rule.mode}
    audit.record(actor=by, action=action, subject=f"rule {rule.pk}", detail=detail)
