"""A rule tried: what it would have done in the past, and what its members are now."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from dashboard.alerts.answering import Answers
from dashboard.alerts.drawing import draw_replay
from dashboard.alerts.history import SPANS, read_history
from dashboard.alerts.reading import read_facts
from dashboard.alerts.readings import Readings
from dashboard.alerts.replaying import History, Replay, replay
from dashboard.alerts.rule import Rule
from dashboard.alerts.sampling import SAMPLED

__all__ = ["Member", "Trial", "try_rule"]

MOST_MEMBERS_TOLD = 20
WORDS = {"24h": "24 hours", "7d": "7 days"}


@dataclass(frozen=True)
class Member:
    """One member now. ``value`` None: it cannot be measured."""

    subject: str
    value: float | None
    holds: bool


@dataclass(frozen=True)
class Trial:
    """``members`` are the worst first. ``begins_ms`` is when what is known begins, None if that is no later
    than was asked."""

    rule: Rule
    span: str
    past: Replay
    figure: dict[str, Any]
    left_out: int
    members: list[Member]
    judged: int
    known_share: float
    begins_ms: int | None = None

    @property
    def sentence(self) -> str:
        """What would have happened, in one sentence."""
        if not self.known_share and self.rule.metric in SAMPLED:
            return "What this was is not kept yet; what it is now stands below."
        if not self.known_share:
            return f"No 5 minutes of the last {WORDS[self.span]} were wholly observed: nothing can be said."
        count = len(self.past.spans)
        if not count:
            return f"It would not have fired in the last {WORDS[self.span]}."
        times = "once" if count == 1 else f"{count:,} times"
        more = "" if self.past.whole else " or more"
        members = len({span.subject for span in self.past.spans})
        whom = f", for {members} members" if members > 1 else ""
        return f"It would have fired {times}{more} in the last {WORDS[self.span]}{whom}."


def try_rule(rule: Rule, *, span: str = "7d", now_ms: int | None = None) -> Trial:
    """Changes nothing. ``span`` is one of `SPANS`."""
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    readings = Answers(read_facts(now, {rule.metric})).readings(rule.question)
    history = read_history(rule, seconds=SPANS[span], now_ms=now)
    past = replay(rule, history)
    return Trial(
        rule=rule,
        span=span,
        past=past,
        figure=draw_replay(rule, history, past.spans),
        left_out=history.left_out,
        members=_members(rule, readings),
        judged=len(readings.subjects),
        known_share=sum(history.known) / len(history.known),
        begins_ms=_begins(history),
    )


def _begins(history: History) -> int | None:
    first = next((place for place, known in enumerate(history.known) if known), 0)
    return history.times_ms[first] if first else None


def _members(rule: Rule, readings: Readings) -> list[Member]:
    """The worst first, those of which nothing is known last."""
    holding = set(readings.holding(rule))
    found = [
        Member(subject, readings.observation(place).value, place in holding)
        for place, subject in enumerate(readings.subjects)
    ]
    worse = -1 if rule.below is None else 1
    found.sort(
        key=lambda one: (
            not one.holds,
            one.value is None,
            worse * (one.value or 0.0),
            one.subject,
        )
    )
    return found[:MOST_MEMBERS_TOLD]
