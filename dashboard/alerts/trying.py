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
from dashboard.alerts.replaying import Replay, replay
from dashboard.alerts.rule import Rule
from dashboard.measures import MEASURES

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
    """``past`` and ``figure`` are None where the metric keeps no past; ``members`` the worst first."""

    rule: Rule
    span: str
    past: Replay | None
    figure: dict[str, Any] | None
    left_out: int
    members: list[Member]
    judged: int
    known_share: float

    @property
    def sentence(self) -> str:
        """What would have happened, in one sentence."""
        if self.past is None:
            return "The past of this metric is not kept; what it is now stands below."
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
    past, figure, known, left_out = None, None, 0.0, readings.left_out
    if MEASURES[rule.metric].stored:
        history = read_history(rule, seconds=SPANS[span], now_ms=now)
        past = replay(rule, history)
        figure = draw_replay(rule, history, past.spans)
        left_out = history.left_out
        known = sum(history.known) / len(history.known)
    return Trial(
        rule=rule,
        span=span,
        past=past,
        figure=figure,
        left_out=left_out,
        members=_members(rule, readings),
        judged=len(readings.subjects),
        known_share=known,
    )


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
