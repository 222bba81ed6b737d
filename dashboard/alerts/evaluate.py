"""What a round of evaluation does to the open episodes: pure. `dashboard.alerts.rounds` does it.

Time counts towards a rule's ``for`` only while it was seen to hold: the step between two rounds is
credited up to `LONGEST_STEP_MS`, so a pause of ours (a restart, a slept laptop) fires nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from dashboard.alerts.readings import Observation, Readings
from dashboard.alerts.rule import FIRING as FIRES
from dashboard.alerts.rule import KEEP, Rule

__all__ = [
    "LONGEST_STEP_MS",
    "Drop",
    "Fire",
    "Intent",
    "Keep",
    "Observation",
    "Open",
    "Resolve",
    "Standing",
    "evaluate",
    "evaluate_readings",
]

LONGEST_STEP_MS = 10_000
SHORTEST_SAMPLE_MS = 15_000
SAMPLES_AN_AGE = 100
OUT_OF_FORCE = "The rule is no longer in force."
OUT_OF_SCOPE = "The rule is no longer for this."
UNKNOWN_IS_WELL = "It could not be measured, which this rule takes for well."

PENDING, FIRING, ACKNOWLEDGED = "pending", "firing", "acknowledged"


class Standing(msgspec.Struct, frozen=True, gc=False):
    """The part of an open episode that evaluation reads and changes."""

    id: int
    rule: str
    subject: str
    state: str
    evaluated_ms: int
    started_ms: int
    sampled_ms: int
    held_ms: int = 0
    cleared_ms: int = 0
    value: float | None = None
    peak: float | None = None
    no_data: bool = False


class Open(msgspec.Struct, frozen=True, gc=False):
    """A new episode, pending, or firing at once if the rule has no ``for``."""

    rule: Rule
    observation: Observation
    firing: bool


class Keep(msgspec.Struct, frozen=True, gc=False):
    """The state stays; value and clocks move on. ``sampled``: the value goes into the timeline."""

    before: Standing
    after: Standing
    observation: Observation | None
    sampled: bool = False


class Fire(msgspec.Struct, frozen=True, gc=False):
    """From pending to firing."""

    before: Standing
    after: Standing
    observation: Observation


class Resolve(msgspec.Struct, frozen=True, gc=False):
    """From firing or acknowledged to resolved."""

    before: Standing
    after: Standing
    reason: str


class Drop(msgspec.Struct, frozen=True, gc=False):
    """A pending episode whose condition cleared before it fired: nothing had happened."""

    before: Standing


Intent = Open | Keep | Fire | Resolve | Drop


def evaluate(
    rules: Iterable[Rule],
    observations: Iterable[Observation],
    standings: Iterable[Standing],
    now_ms: int,
) -> list[Intent]:
    """`evaluate_readings` for rules that judge all that was observed of their metric."""
    by_metric: dict[str, list[Observation]] = {}
    for item in observations:
        by_metric.setdefault(item.metric, []).append(item)
    asked = [
        (rule, Readings.of(rule.metric, by_metric.get(rule.metric, ())))
        for rule in {rule.name: rule for rule in rules}.values()
    ]
    return evaluate_readings(asked, standings, now_ms)


def evaluate_readings(
    asked: Iterable[tuple[Rule, Readings]],
    standings: Iterable[Standing],
    now_ms: int,
    *,
    longest_step_ms: int = LONGEST_STEP_MS,
) -> list[Intent]:
    """What is to be done now, for each rule with what was measured for it.

    At most ``longest_step_ms`` since the last evaluation are credited.
    """
    open_now: dict[str, dict[str, Standing]] = {}
    for standing in standings:
        open_now.setdefault(standing.rule, {})[standing.subject] = standing
    intents: list[Intent] = []
    for rule, readings in asked:
        of_rule = open_now.pop(rule.name, {})
        for standing in of_rule.values():
            if readings.wants(standing.subject):
                found = readings.find(standing.subject)
                intents.append(_next(rule, standing, found, now_ms, longest_step_ms))
            else:
                intents.append(_end(standing, now_ms, OUT_OF_SCOPE))
        intents.extend(_openings(rule, readings, of_rule))
    gone = [standing for of_rule in open_now.values() for standing in of_rule.values()]
    return intents + [_end(standing, now_ms, OUT_OF_FORCE) for standing in gone]


def _openings(rule: Rule, readings: Readings, open_now: Mapping[str, Standing]) -> Iterator[Open]:
    for place in readings.holding(rule):
        if readings.subjects[place] not in open_now:
            yield Open(rule, readings.observation(place), firing=rule.for_s <= 0)


def _next(
    rule: Rule, standing: Standing, observation: Observation, now_ms: int, longest_step_ms: int
) -> Keep | Fire | Resolve | Drop:
    holds = _holds(rule, observation)
    clear = not holds and _is_clear(rule, observation)
    if clear and standing.state == PENDING:
        return Drop(standing)
    step = min(max(0, now_ms - standing.evaluated_ms), longest_step_ms)
    unknown = observation.value is None
    held = standing.held_ms + step if holds else standing.held_ms
    cleared = standing.cleared_ms + step if clear else standing.cleared_ms if unknown else 0
    fires = holds and standing.state == PENDING and held >= rule.for_s * 1000
    ends = clear and cleared >= rule.clear_s * 1000
    sampled = not (fires or ends or unknown) and _sample_due(standing, now_ms)
    after = Standing(
        id=standing.id,
        rule=standing.rule,
        subject=standing.subject,
        state=FIRING if fires else standing.state,
        evaluated_ms=now_ms,
        started_ms=standing.started_ms,
        sampled_ms=now_ms if sampled else standing.sampled_ms,
        held_ms=held,
        cleared_ms=0 if holds else cleared,
        value=standing.value if unknown else observation.value,
        peak=_worst(rule, standing.peak, observation.value),
        no_data=unknown,
    )
    if fires:
        return Fire(standing, after, observation)
    if ends:
        return Resolve(standing, after, UNKNOWN_IS_WELL if unknown else "")
    return Keep(standing, after, observation, sampled)


def _worst(rule: Rule, peak: float | None, value: float | None) -> float | None:
    if peak is None or value is None:
        return value if peak is None else peak
    return max(peak, value) if rule.below is None else min(peak, value)


def _end(standing: Standing, now_ms: int, reason: str) -> Drop | Resolve:
    if standing.state == PENDING:
        return Drop(standing)
    after = msgspec.structs.replace(standing, evaluated_ms=now_ms)
    return Resolve(standing, after, reason)


def _holds(rule: Rule, observation: Observation) -> bool:
    value = observation.value
    if value is None:
        return rule.no_data == FIRES
    if observation.volume < rule.minimum:
        return False
    limit = rule.threshold(observation.subject)
    return value > limit if rule.below is None else value < limit


def _is_clear(rule: Rule, observation: Observation) -> bool:
    """Too little to measure is clear, for it is known; what could not be measured is as the rule says."""
    value = observation.value
    if value is None:
        return rule.no_data not in (KEEP, FIRES)
    if observation.volume < rule.minimum:
        return True
    clear = rule.clear_threshold(observation.subject)
    return value <= clear if rule.below is None else value >= clear


def _sample_due(standing: Standing, now_ms: int) -> bool:
    """Ever rarer as an episode ages, so that its timeline stays small: some 100 each time it doubles."""
    age = now_ms - standing.started_ms
    return now_ms - standing.sampled_ms >= max(SHORTEST_SAMPLE_MS, age // SAMPLES_AN_AGE)
