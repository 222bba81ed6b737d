"""What a round of evaluation does to the open episodes: pure. `dashboard.alerts.rounds` does it.

Time counts towards a rule's ``for`` only while it was seen to hold: the step between two rounds is
credited up to `LONGEST_STEP_MS`, so a pause of ours (a restart, a slept laptop) fires nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from dashboard.alerts.rules import Rule

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
]

LONGEST_STEP_MS = 10_000
SHORTEST_SAMPLE_MS = 15_000
SAMPLES_AN_AGE = 100

PENDING, FIRING, ACKNOWLEDGED = "pending", "firing", "acknowledged"


@dataclass(frozen=True)
class Observation:
    """What was measured of one subject. ``value`` None: it could not be measured (not: it is fine).

    ``volume`` is how many things the value was taken from; ``detail`` adds words to the summary;
    ``labels`` are the parts of the subject (see `dashboard.alerts.labels`).
    """

    metric: str
    subject: str
    value: float | None
    volume: float = float("inf")
    detail: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


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
    """What is to be done now. One observation at most per (metric, subject); the last one counts."""
    by_rule = {rule.name: rule for rule in rules}
    seen = {(item.metric, item.subject): item for item in observations}
    open_now = {(item.rule, item.subject): item for item in standings}
    intents: list[Intent] = []
    for standing in open_now.values():
        rule = by_rule.get(standing.rule)
        if rule is None:
            intents.append(_end_of_rule(standing, now_ms))
        else:
            found = seen.get((rule.metric, standing.subject))
            intents.append(_next(rule, standing, found, now_ms))
    intents.extend(_openings(by_rule, seen, open_now))
    return intents


def _openings(
    by_rule: Mapping[str, Rule],
    seen: Mapping[tuple[str, str], Observation],
    open_now: Mapping[tuple[str, str], Standing],
) -> Iterator[Open]:
    by_metric: dict[str, list[Rule]] = {}
    for rule in by_rule.values():
        by_metric.setdefault(rule.metric, []).append(rule)
    for observation in seen.values():
        for rule in by_metric.get(observation.metric, ()):
            if (rule.name, observation.subject) in open_now:
                continue
            if _holds(rule, observation):
                yield Open(rule, observation, firing=rule.for_s <= 0)


def _next(
    rule: Rule, standing: Standing, observation: Observation | None, now_ms: int
) -> Keep | Fire | Resolve | Drop:
    if observation is None or observation.value is None:
        return _without_data(standing, observation, now_ms)
    step = min(max(0, now_ms - standing.evaluated_ms), LONGEST_STEP_MS)
    after = replace(
        standing,
        evaluated_ms=now_ms,
        value=observation.value,
        peak=max(observation.value, standing.peak or observation.value),
        no_data=False,
    )
    if _holds(rule, observation):
        after = replace(after, held_ms=standing.held_ms + step, cleared_ms=0)
        return _holding(rule, standing, after, observation)
    if not _is_clear(rule, observation):
        return _keep(standing, replace(after, cleared_ms=0), observation)
    after = replace(after, cleared_ms=standing.cleared_ms + step)
    return _clearing(rule, standing, after, observation)


def _holding(
    rule: Rule, standing: Standing, after: Standing, observation: Observation
) -> Keep | Fire:
    if standing.state == PENDING and after.held_ms >= rule.for_s * 1000:
        return Fire(standing, replace(after, state=FIRING), observation)
    return _keep(standing, after, observation)


def _clearing(
    rule: Rule, standing: Standing, after: Standing, observation: Observation
) -> Keep | Drop | Resolve:
    if standing.state == PENDING:
        return Drop(standing)
    if after.cleared_ms >= rule.clear_s * 1000:
        return Resolve(standing, after, "")
    return _keep(standing, after, observation)


def _without_data(standing: Standing, observation: Observation | None, now_ms: int) -> Keep:
    after = replace(standing, evaluated_ms=now_ms, no_data=True)
    return Keep(standing, after, observation)


def _keep(standing: Standing, after: Standing, observation: Observation) -> Keep:
    if not _sample_due(standing, after.evaluated_ms):
        return Keep(standing, after, observation)
    return Keep(standing, replace(after, sampled_ms=after.evaluated_ms), observation, sampled=True)


def _end_of_rule(standing: Standing, now_ms: int) -> Drop | Resolve:
    if standing.state == PENDING:
        return Drop(standing)
    after = replace(standing, evaluated_ms=now_ms)
    return Resolve(standing, after, "The rule is no longer in force.")


def _holds(rule: Rule, observation: Observation) -> bool:
    return (
        observation.value is not None
        and observation.volume >= rule.minimum
        and observation.value > rule.threshold(observation.subject)
    )


def _is_clear(rule: Rule, observation: Observation) -> bool:
    """Too little to measure is clear, for it is known; what could not be measured is not."""
    if observation.value is None:
        return False
    if observation.volume < rule.minimum:
        return True
    return observation.value <= rule.clear_threshold(observation.subject)


def _sample_due(standing: Standing, now_ms: int) -> bool:
    """Ever rarer as an episode ages, so that its timeline stays small: some 100 each time it doubles."""
    age = now_ms - standing.started_ms
    return now_ms - standing.sampled_ms >= max(SHORTEST_SAMPLE_MS, age // SAMPLES_AN_AGE)
