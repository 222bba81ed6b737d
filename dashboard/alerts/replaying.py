"""A rule tried on the past: the same evaluation as live, over stored values. Pure.

The past is cut into steps, each with one value a member. A value of five minutes says that these five
minutes were so: what of ``for`` and ``keep_firing_for`` lies within one step counts as seen at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from dashboard.alerts.evaluate import (
    PENDING,
    Drop,
    Fire,
    Intent,
    Open,
    Resolve,
    Standing,
    evaluate_readings,
)
from dashboard.alerts.readings import F64, Readings
from dashboard.alerts.rule import FIRING, Rule

__all__ = ["MOST_SPANS", "History", "Replay", "Span", "replay"]

MOST_SPANS = 500


@dataclass(frozen=True)
class History:
    """Values and volumes by step and member; nan is unknown. ``times_ms`` are the starts of the steps,
    ``known`` tells which of them were observed."""

    metric: str
    times_ms: Sequence[int]
    step_ms: int
    subjects: tuple[str, ...]
    values: F64
    volumes: F64
    known: Sequence[bool]
    left_out: int = 0


class Span(NamedTuple):
    """From when to when a rule would have fired for a subject; ``ended`` is False if it still would."""

    subject: str
    from_ms: int
    until_ms: int
    peak: float | None
    ended: bool


class Replay(NamedTuple):
    """Newest first. ``whole`` is False if there were more spans than are told."""

    spans: list[Span]
    whole: bool


def replay(rule: Rule, history: History) -> Replay:
    """When ``rule`` would have fired: `evaluate_readings` at the end of every step that can change something."""
    stepped = _for_steps(rule, history.step_ms)
    open_now: dict[str, Standing] = {}
    fired: dict[str, int] = {}
    spans: list[Span] = []
    holding = _holding(stepped, history)
    for place in range(len(history.times_ms)):
        if not (holding[place] or open_now):
            continue
        now_ms = history.times_ms[place] + history.step_ms
        asked = [(stepped, _readings(history, place))]
        for intent in evaluate_readings(
            asked, open_now.values(), now_ms, longest_step_ms=history.step_ms
        ):
            _apply(intent, now_ms, open_now, fired, spans)
    for subject, since in fired.items():
        end = history.times_ms[-1] + history.step_ms
        spans.append(Span(subject, since, end, open_now[subject].peak, ended=False))
    spans.sort(key=lambda span: (-span.from_ms, span.subject))
    return Replay(spans[:MOST_SPANS], len(spans) <= MOST_SPANS)


def _for_steps(rule: Rule, step_ms: int) -> Rule:
    """The step that an episode opens in was seen to hold; evaluation credits the later ones itself."""
    return replace(rule, for_s=max(0, rule.for_s - step_ms / 1000))


def _holding(rule: Rule, history: History) -> list[bool]:
    """Whether anything holds in each step: most of a good week is skipped."""
    with np.errstate(invalid="ignore"):
        limits = np.array([rule.threshold(subject) for subject in history.subjects])
        beyond = history.values > limits if rule.below is None else history.values < limits
    beyond &= history.volumes >= rule.minimum
    if rule.no_data == FIRING:
        beyond |= np.isnan(history.values)
    found: list[bool] = beyond.any(axis=1).tolist()
    return found


def _readings(history: History, place: int) -> Readings:
    return Readings(history.metric, history.subjects, history.values[place], history.volumes[place])


def _apply(
    intent: Intent,
    now_ms: int,
    open_now: dict[str, Standing],
    fired: dict[str, int],
    spans: list[Span],
) -> None:
    if isinstance(intent, Open):
        subject = intent.observation.subject
        state = FIRING if intent.firing else PENDING
        open_now[subject] = _standing(intent, state, now_ms)
        if intent.firing:
            fired[subject] = now_ms
        return
    subject = intent.before.subject
    if isinstance(intent, Drop | Resolve):
        before = open_now.pop(subject)
        if subject in fired:
            spans.append(Span(subject, fired.pop(subject), now_ms, before.peak, ended=True))
        return
    open_now[subject] = intent.after
    if isinstance(intent, Fire):
        fired[subject] = now_ms


def _standing(intent: Open, state: str, now_ms: int) -> Standing:
    value = intent.observation.value
    return Standing(
        id=0,
        rule=intent.rule.name,
        subject=intent.observation.subject,
        state=state,
        evaluated_ms=now_ms,
        started_ms=now_ms,
        sampled_ms=now_ms,
        value=value,
        peak=value,
    )
