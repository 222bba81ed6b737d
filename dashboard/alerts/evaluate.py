"""What a round of evaluation does to the open episodes: pure. `dashboard.alerts.rounds` does it.

Time counts towards a rule's ``for`` only while it was seen to hold: the step between two rounds is
credited up to `LONGEST_STEP_MS`, so a pause of ours (a restart, a slept laptop) fires nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

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
UNKNOWN_IS_WELL = "It could not be measured, which this rule takes for well."

PENDING, FIRING, ACKNOWLEDGED = "pending", "firing", "acknowledged"


@dataclass(frozen=True)
class Standing:
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


@dataclass(frozen=True)
class Open:
    """A new episode, pending, or firing at once if the rule has no ``for``."""

    rule: Rule
    observation: Observation
    firing: bool


@dataclass(frozen=True)
class Keep:
    """The state stays; value and clocks move on. ``sampled``: the value goes into the timeline."""

    before: Standing
    after: Standing
    observation: Observation | None
    sampled: bool = False


@dataclass(frozen=True)
class Fire:
    """From pending to firing."""

    before: Standing
    after: Standing
    observation: Observation


@dataclass(frozen=True)
class Resolve:
    """From firing or acknowledged to resolved."""

    before: Standing
    after: Standing
    reason: str


@dataclass(frozen=True)
class Drop:
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
            found = readings.find(standing.subject)
            intents.append(_next(rule, standing, found, now_ms, longest_step_ms))
        intents.extend(_openings(rule, readings, of_rule))
    gone = [standing for of_rule in open_now.values() for standing in of_rule.values()]
    return intents + [_end_of_rule(standing, now_ms) for standing in gone]


def _openings(rule: Rule, readings: Readings, open_now: Mapping[str, Standing]) -> Iterator[Open]:
    for place in readings.holding(rule):
        if readings.subjects[place] not in open_now:
            yield Open(rule, readings.observation(place), firing=rule.for_s <= 0)


def _next(
    rule: Rule, standing: Standing, observation: Observation, now_ms: int, longest_step_ms: int
) -> Keep | Fire | Resolve | Drop:
    step = min(max(0, now_ms - standing.evaluated_ms), longest_step_ms)
    after = _measured(rule, standing, observation, now_ms)
    if _holds(rule, observation):
        return _holding(rule, standing, after, observation, step)
    if _is_clear(rule, observation):
        return _clearing(rule, standing, after, observation, step)
    if observation.value is None:
        return Keep(standing, after, observation)
    return _keep(standing, replace(after, cleared_ms=0), observation)


def _measured(rule: Rule, standing: Standing, observation: Observation, now_ms: int) -> Standing:
    """The value of now, and the worst yet; an unknown one leaves the last."""
    value = observation.value
    if value is None:
        return replace(standing, evaluated_ms=now_ms, no_data=True)
    worst = max if rule.below is None else min
    peak = value if standing.peak is None else worst(value, standing.peak)
    return replace(standing, evaluated_ms=now_ms, value=value, peak=peak, no_data=False)


def _holding(
    rule: Rule, standing: Standing, after: Standing, observation: Observation, step: int
) -> Keep | Fire:
    after = replace(after, held_ms=standing.held_ms + step, cleared_ms=0)
    if standing.state == PENDING and after.held_ms >= rule.for_s * 1000:
        return Fire(standing, replace(after, state=FIRING), observation)
    return _keep(standing, after, observation)


def _clearing(
    rule: Rule, standing: Standing, after: Standing, observation: Observation, step: int
) -> Keep | Drop | Resolve:
    if standing.state == PENDING:
        return Drop(standing)
    after = replace(after, cleared_ms=standing.cleared_ms + step)
    if after.cleared_ms >= rule.clear_s * 1000:
        return Resolve(standing, after, UNKNOWN_IS_WELL if after.no_data else "")
    return _keep(standing, after, observation)


def _keep(standing: Standing, after: Standing, observation: Observation) -> Keep:
    if after.no_data or not _sample_due(standing, after.evaluated_ms):
        return Keep(standing, after, observation)
    return Keep(standing, replace(after, sampled_ms=after.evaluated_ms), observation, sampled=True)


def _end_of_rule(standing: Standing, now_ms: int) -> Drop | Resolve:
    if standing.state == PENDING:
        return Drop(standing)
    after = replace(standing, evaluated_ms=now_ms)
    return Resolve(standing, after, "The rule is no longer in force.")


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
