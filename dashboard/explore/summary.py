"""The loud part of a story: how it ended, who failed and why, what to look at first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from dashboard.explore.parts import ENDED_WELL, FAILURES, Bar, Step, Story
from dashboard.explore.spending import Segment, Spent, spend, total_by

__all__ = ["Failure", "Letter", "Summary", "failures_of", "summarise"]

LOOKED_AT = 5
LONG_SHARE = 0.3
LONG_MS = 100

Outcome = Literal["failed", "retried", "delivered", "unprocessed"]


class Letter(Protocol):
    """What is read of a dead letter; `ingest.models.DeadLetter` has it."""

    @property
    def pk(self) -> int: ...
    @property
    def consumer(self) -> str: ...
    @property
    def status(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Failure:
    """Like failures as one: the same type, consumer and error. ``step`` is the first of ``count``."""

    step: Step
    bar: Bar | None
    letter: Letter | None
    count: int


@dataclass(frozen=True, slots=True)
class Retried:
    """A consumer that needed ``attempts`` for an event, in the end with success."""

    step: Step
    bar: Bar
    attempts: int


@dataclass(frozen=True, slots=True)
class Summary:
    outcome: Outcome
    events: int
    copies: int
    handlings: int
    services: list[str]
    failed: int
    unprocessed: int
    failures: list[Failure]
    retried: list[Retried]
    rings: list[Step]
    segments: list[Segment]
    by_kind: list[Spent]
    by_service: list[Spent]
    slow: Segment | None


def summarise(
    story: Story, outcomes: Mapping[str, str], letters: Mapping[str, Sequence[Letter]]
) -> Summary:
    steps = story.steps
    ends = Counter(outcomes.get(step.event_id, "") for step in steps)
    failed = sum(ends[name] for name in FAILURES)
    segments = spend(story)
    return Summary(
        outcome=_outcome(failed, ends),
        events=len(steps),
        copies=sum(len(step.copies) for step in steps),
        handlings=sum(len(step.bars) for step in steps),
        services=_services(steps),
        failed=failed,
        unprocessed=ends["unprocessed"],
        failures=failures_of(steps, outcomes, letters),
        retried=_retried(steps, outcomes),
        rings=[step for step in steps if step.state == "ring"],
        segments=segments,
        by_kind=total_by(segments, service=False),
        by_service=[one for one in total_by(segments, service=True) if one.service],
        slow=_slow(segments, story.duration_ms),
    )


def failures_of(
    steps: Iterable[Step], outcomes: Mapping[str, str], letters: Mapping[str, Sequence[Letter]]
) -> list[Failure]:
    """Those with a dead letter first, then the most frequent."""
    grouped: dict[tuple[str, str, str], list[tuple[Step, Bar | None]]] = {}
    for step in steps:
        if outcomes.get(step.event_id) in FAILURES:
            bar = _failed_bar(step)
            why = (bar.handling.consumer, bar.handling.error_type) if bar else ("", "")
            grouped.setdefault((step.event.event_type, *why), []).append((step, bar))
    found = [
        Failure(step, bar, _letter(bar, letters.get(step.event_id, ())), len(alike))
        for alike in grouped.values()
        for step, bar in alike[:1]
    ]
    return sorted(found, key=lambda one: (one.letter is None, -one.count))


def _outcome(failed: int, ends: Mapping[str, int]) -> Outcome:
    if failed:
        return "failed"
    if ends["retried"]:
        return "retried"
    return "delivered" if ends["delivered"] else "unprocessed"


def _services(steps: Iterable[Step]) -> list[str]:
    names = set()
    for step in steps:
        names.add(step.event.source)
        names.update(bar.handling.consumer for bar in step.bars)
    return sorted(names - {""})


def _failed_bar(step: Step) -> Bar | None:
    """The last handling that ended badly."""
    bad = [bar for bar in step.bars if bar.handling.outcome not in ENDED_WELL]
    return max(bad, key=lambda bar: bar.end_ms, default=None)


def _letter(bar: Bar | None, letters: Sequence[Letter]) -> Letter | None:
    """The newest dead letter of that consumer, or of any."""
    if bar is None:
        return letters[-1] if letters else None
    names = ("", bar.handling.consumer, bar.handling.group)
    return next((one for one in reversed(letters) if one.consumer in names), None)


def _retried(steps: Iterable[Step], outcomes: Mapping[str, str]) -> list[Retried]:
    """The first of the events that needed more than one attempt, the most needy first."""
    found = []
    for step in steps:
        if step.bars and outcomes.get(step.event_id) == "retried":
            bar = max(step.bars, key=lambda bar: (bar.handling.attempt, bar.end_ms))
            found.append(Retried(step, bar, bar.handling.attempt))
    return sorted(found, key=lambda one: -one.attempts)[:LOOKED_AT]


def _slow(segments: Iterable[Segment], duration_ms: int) -> Segment | None:
    """The longest stretch, if it is a good part of a story that is not quick anyway."""
    longest = max(segments, key=lambda segment: segment.duration_ms, default=None)
    if longest is None or longest.duration_ms < max(LONG_MS, duration_ms * LONG_SHARE):
        return None
    return longest
