"""Rules as their list shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashboard.alerts.defining import Listed
from dashboard.alerts.rule import BUILT_IN, CONFIGURED, Rule
from dashboard.alerts.wording import condition_of
from dashboard.measures import ALL, MEASURES
from eventscope.durations import format_duration

__all__ = ["RuleLine", "listed_rows"]

ORIGINS = {BUILT_IN: "built-in", CONFIGURED: "configuration"}


@dataclass(frozen=True)
class RuleLine:
    """A rule in words. ``left_out`` is how many members it could not judge in the last round."""

    rule: Rule
    origin: str
    own: bool
    replaces: bool
    metric: str
    members: str
    condition: str
    hold: str
    open: int
    left_out: int


def listed_rows(
    rules: Iterable[Listed], *, open_now: Mapping[str, int], left_out: Mapping[str, int]
) -> list[RuleLine]:
    """In their order: built-in ones, of the configuration, own ones."""
    return [
        RuleLine(
            rule=one.rule,
            origin=_origin(one),
            own=one.own,
            replaces=one.replaces is not None,
            metric=MEASURES[one.rule.metric].title,
            members=members_of(one.rule),
            condition=condition_of(one.rule) or "open",
            hold=format_duration(one.rule.for_s) if one.rule.for_s else "",
            open=open_now.get(one.rule.name, 0),
            left_out=left_out.get(one.rule.name, 0),
        )
        for one in rules
    ]


def members_of(rule: Rule) -> str:
    """``by consumer, types ORDER_*``: what it is told apart by and what narrows it."""
    by = rule.question.by
    told = "as a whole" if by == ALL else f"by {by or MEASURES[rule.metric].member}"
    narrowed = [f"{name}s {', '.join(globs)}" for name, globs in rule.scope]
    if rule.members:
        narrowed.append(f"named {', '.join(rule.members)}")
    return "; ".join([told, *narrowed])


def _origin(one: Listed) -> str:
    written = ORIGINS.get(one.rule.origin, "own")
    return f"{written}, tuned here" if one.own and one.replaces is not None else written
