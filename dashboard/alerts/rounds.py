"""A round of evaluation: read, decide (`dashboard.alerts.evaluate`), write.

Every write is conditional on the state that was read, so that a person who acknowledges meanwhile
is not overwritten, and each change of a state is a transaction of its own with its line in the
timeline: a round that is killed half way is finished by the next.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from dashboard.alerts.answering import Answers
from dashboard.alerts.evaluate import (
    Drop,
    Fire,
    Intent,
    Keep,
    Open,
    Resolve,
    Standing,
    evaluate_readings,
)
from dashboard.alerts.labels import labels_of
from dashboard.alerts.models import Episode, EpisodeEntry, EvaluationRound
from dashboard.alerts.reading import read_facts
from dashboard.alerts.readings import Observation, Readings
from dashboard.alerts.remembering import Memory
from dashboard.alerts.reopening import calm_down, reopen_recent, without_resting
from dashboard.alerts.rule import Question, Rule
from dashboard.alerts.ruleset import rules_in_force
from dashboard.alerts.suppressing import renew_suppressions
from dashboard.alerts.wording import summarise

__all__ = ["Evaluator", "RoundReport", "apply_intents", "evaluate_alerts", "open_standings"]

WRITE_EVERY_MS = 5_000
KEPT_AT_ONCE = 100
"""Episodes that only go on share a transaction: a storm of thousands is not thousands of commits."""
LIVE = (Episode.State.FIRING, Episode.State.ACKNOWLEDGED)
Kind = EpisodeEntry.Kind


@dataclass
class RoundReport:
    """What a round did."""

    opened: int = 0
    fired: int = 0
    resolved: int = 0
    dropped: int = 0


class Evaluator:
    """Goes the rounds, and keeps between them what changes slowly."""

    def __init__(self) -> None:
        self._memory = Memory()

    def step(self, *, now_ms: int | None = None) -> RoundReport:
        """One round over all rules in force. Run by whoever holds the monitor's lease."""
        now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        rules = rules_in_force()
        standings = open_standings()
        facts = read_facts(now, {rule.metric for rule in rules}, self._memory)
        answers = Answers(facts, _kept(rules, standings))
        asked = [(rule, answers.readings(rule.question)) for rule in rules]
        report = apply_intents(evaluate_readings(asked, standings, now), rules, now)
        calm_down(now)
        renew_suppressions(now_ms=now)
        _note_round(asked, answers.questions(), now)
        return report


def evaluate_alerts(*, now_ms: int | None = None) -> RoundReport:
    """One round that remembers nothing."""
    return Evaluator().step(now_ms=now_ms)


def _kept(rules: Sequence[Rule], standings: Iterable[Standing]) -> dict[Question, set[str]]:
    """The subjects that have an open episode, by what is asked of them."""
    questions = {rule.name: rule.question for rule in rules}
    kept: dict[Question, set[str]] = {}
    for standing in standings:
        if standing.rule in questions:
            kept.setdefault(questions[standing.rule], set()).add(standing.subject)
    return kept


def open_standings() -> list[Standing]:
    """The open episodes that are ours to judge, as evaluation wants them."""
    rows = Episode.objects.filter(origin=Episode.Origin.EVENTSCOPE)
    rows = rows.exclude(state=Episode.State.RESOLVED).order_by("pk")
    return [Standing(*row) for row in rows.values_list(*Standing.__struct_fields__)]


def apply_intents(intents: Iterable[Intent], rules: Sequence[Rule], now_ms: int) -> RoundReport:
    """Write what was decided."""
    report = RoundReport()
    by_name = {rule.name: rule for rule in rules}
    kept: list[Keep] = []
    for intent in without_resting(intents, now_ms):
        if isinstance(intent, Open):
            _open(intent, now_ms, report)
        elif isinstance(intent, Fire):
            report.fired += _fire(intent, by_name[intent.before.rule], now_ms)
        elif isinstance(intent, Resolve):
            report.resolved += _resolve(intent, now_ms)
        elif isinstance(intent, Drop):
            report.dropped += _drop(intent)
        elif _worth_writing(intent):
            kept.append(intent)
    for begin in range(0, len(kept), KEPT_AT_ONCE):
        with transaction.atomic():
            for keep in kept[begin : begin + KEPT_AT_ONCE]:
                _keep(keep, by_name[keep.before.rule], now_ms)
    return report


def _note_round(
    asked: Iterable[tuple[Rule, Readings]], answers: Mapping[Question, Readings], now_ms: int
) -> None:
    left_out = {rule.name: readings.left_out for rule, readings in asked if readings.left_out}
    seen = sum(len(readings.subjects) for readings in answers.values())
    unknown = sum(readings.unknown for readings in answers.values())
    EvaluationRound.objects.update_or_create(
        pk=1,
        defaults={"at_ms": now_ms, "observed": seen, "unknown": unknown, "left_out": left_out},
    )


def _open(intent: Open, now_ms: int, report: RoundReport) -> None:
    rule, seen = intent.rule, intent.observation
    state = Episode.State.FIRING if intent.firing else Episode.State.PENDING
    try:
        with transaction.atomic():
            if intent.firing and _came_back(rule, seen, now_ms, held_again_ms=now_ms):
                report.fired += 1
                return
            episode = Episode.objects.create(
                rule=rule.name,
                subject=seen.subject[:300],
                labels={**labels_of(rule, seen), "subject": seen.subject[:300]},
                severity=rule.severity,
                state=state,
                summary=summarise(rule, seen),
                value=seen.value,
                peak=seen.value,
                threshold=rule.threshold(seen.subject),
                started_ms=now_ms,
                fired_ms=now_ms if intent.firing else None,
                evaluated_ms=now_ms,
                sampled_ms=now_ms,
            )
            _tell(episode.pk, state, now_ms, value=seen.value)
    except IntegrityError:
        return  # another monitor was first: the constraint keeps one open episode, and that will do
    report.opened += 1
    report.fired += intent.firing


def _came_back(
    rule: Rule,
    seen: Observation,
    now_ms: int,
    *,
    held_again_ms: int,
    pending_id: int | None = None,
) -> bool:
    reopened = reopen_recent(
        rule=rule.name,
        subject=seen.subject[:300],
        held_again_ms=held_again_ms,
        now_ms=now_ms,
        value=seen.value,
        summary=summarise(rule, seen),
        pending_id=pending_id,
        lower_is_worse=rule.below is not None,
    )
    return reopened is not None


def _fire(intent: Fire, rule: Rule, now_ms: int) -> int:
    pending = Episode.objects.filter(
        pk=intent.before.id,
        state=Episode.State.PENDING,
        evaluated_ms=intent.before.evaluated_ms,
    )
    with transaction.atomic():
        before = intent.before
        if pending.exists() and _came_back(
            rule,
            intent.observation,
            now_ms,
            held_again_ms=before.started_ms,
            pending_id=before.id,
        ):
            return 1
        fired = pending.update(
            state=Episode.State.FIRING,
            fired_ms=now_ms,
            summary=summarise(rule, intent.observation),
            **_clocks(intent.after),
        )
        if fired:
            _tell(intent.before.id, Kind.FIRING, now_ms, value=intent.after.value)
    return fired


def _resolve(intent: Resolve, now_ms: int) -> int:
    with transaction.atomic():
        resolved = Episode.objects.filter(pk=intent.before.id, state__in=LIVE).update(
            state=Episode.State.RESOLVED,
            resolved_ms=now_ms,
            suppressed_by="",
            **_clocks(intent.after),
        )
        if resolved:
            _tell(
                intent.before.id,
                Kind.RESOLVED,
                now_ms,
                value=intent.after.value,
                note=intent.reason,
            )
    return resolved


def _drop(intent: Drop) -> int:
    _, by_model = Episode.objects.filter(pk=intent.before.id, state=Episode.State.PENDING).delete()
    return by_model.get("alerts.Episode", 0)


def _keep(intent: Keep, rule: Rule, now_ms: int) -> None:
    changes = _clocks(intent.after)
    seen = intent.observation
    if seen is not None and seen.value is not None and _holding(intent):
        changes["summary"] = summarise(rule, seen)
    kept = Episode.objects.filter(pk=intent.before.id, state=intent.before.state).update(**changes)
    if not kept:
        return
    if intent.before.no_data != intent.after.no_data:
        kind = Kind.NO_DATA if intent.after.no_data else Kind.DATA
        _tell(intent.before.id, kind, now_ms, value=intent.after.value)
    elif intent.sampled:
        _tell(intent.before.id, Kind.VALUE, now_ms, value=intent.after.value)


def _holding(intent: Keep) -> bool:
    """Whether the value still holds: a summary tells the trouble, not its end."""
    return intent.after.cleared_ms == 0


def _worth_writing(intent: Keep) -> bool:
    """Clocks that run must be written each round; a firing episode that only goes on, seldom."""
    before, after = intent.before, intent.after
    running = after.cleared_ms or before.cleared_ms or before.state == Episode.State.PENDING
    told = intent.sampled or before.no_data != after.no_data or before.value != after.value
    return bool(running or told or after.evaluated_ms - before.evaluated_ms >= WRITE_EVERY_MS)


def _clocks(after: Standing) -> dict[str, object]:
    return {
        "evaluated_ms": after.evaluated_ms,
        "sampled_ms": after.sampled_ms,
        "held_ms": after.held_ms,
        "cleared_ms": after.cleared_ms,
        "value": after.value,
        "peak": after.peak,
        "no_data": after.no_data,
    }


def _tell(episode_id: int, kind: str, now_ms: int, *, value: float | None, note: str = "") -> None:
    EpisodeEntry.objects.create(
        episode_id=episode_id, at_ms=now_ms, kind=kind, value=value, note=note
    )
