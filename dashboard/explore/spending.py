"""Where the time of a story went: its critical path cut into stretches, each with what was waited for.

Pure. The stretches lie end to end: together they are the story, from its start to its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from dashboard.explore.parts import Bar, Step, Story

__all__ = ["KINDS", "Kind", "Segment", "Spent", "spend", "total_by"]

Kind = Literal["publish", "queue", "processing", "retry", "idle"]
KINDS: tuple[Kind, ...] = ("processing", "queue", "retry", "publish", "idle")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the critical path.

    ``publish``: the event's own timestamp → the broker had it. ``queue``: in the broker → the handler
    began. ``processing``: in the handler. ``retry``: between two attempts. ``idle``: no receipt tells.
    """

    kind: Kind
    service: str
    event_id: str
    from_ms: int
    until_ms: int

    @property
    def duration_ms(self) -> int:
        return self.until_ms - self.from_ms


@dataclass(frozen=True, slots=True)
class Spent:
    """What several stretches add up to; ``share`` is of the whole story."""

    kind: Kind
    service: str
    duration_ms: int
    share: float


def spend(story: Story) -> list[Segment]:
    """The stretches in order of time, none of them empty."""
    by_id = {step.event_id: step for step in story.steps if step.critical}
    path = [by_id[event_id] for event_id in story.critical_path]
    if not path:
        return []
    segments = [Segment("idle", "", path[0].event_id, story.started_ms, path[0].at_ms)]
    for step, effect in zip(path, [*path[1:], None], strict=True):
        segments += _of_step(step, effect)
    last = path[-1]
    segments.append(Segment("idle", "", last.event_id, last.end_ms, story.ended_ms))
    return [segment for segment in segments if segment.from_ms < segment.until_ms]


def total_by(segments: Iterable[Segment], *, service: bool) -> list[Spent]:
    """Totals by kind, or by kind and service; the largest first."""
    sums: dict[tuple[Kind, str], int] = {}
    whole = 0
    for segment in segments:
        name = (segment.kind, segment.service if service else "")
        sums[name] = sums.get(name, 0) + segment.duration_ms
        whole += segment.duration_ms
    spent = [Spent(kind, name, took, took / whole) for (kind, name), took in sums.items()]
    return sorted(spent, key=lambda one: (-one.duration_ms, KINDS.index(one.kind), one.service))


def _of_step(step: Step, effect: Step | None) -> list[Segment]:
    """From the event until its ``effect`` happened, or until its last handling ended."""
    until = step.end_ms if effect is None else effect.at_ms
    at = max(step.at_ms, min(_published_ms(step), until))
    segments = [Segment("publish", step.event.source, step.event_id, step.at_ms, at)]
    for number, bar in enumerate(_lane(step, effect)):
        waited: Kind = "retry" if number else "queue"
        began, ended = (min(max(moment, at), until) for moment in (bar.start_ms, bar.end_ms))
        consumer = bar.handling.consumer
        segments.append(Segment(waited, consumer, step.event_id, at, began))
        segments.append(Segment("processing", consumer, step.event_id, began, ended))
        at = ended
    source = "" if effect is None else effect.event.source
    segments.append(Segment("idle", source, step.event_id, at, until))
    return segments


def _published_ms(step: Step) -> int:
    """When the broker had it: by the broker's clock, or before, if somebody handled it before."""
    return min([step.event.appended_ms, *(bar.start_ms for bar in step.bars)])


def _lane(step: Step, effect: Step | None) -> Sequence[Bar]:
    """The attempts of the consumer that the path goes through, in order of time."""
    if not step.bars:
        return []
    chosen = _last(step.bars) if effect is None else _publisher(step.bars, effect)
    lane = (chosen.handling.group, chosen.handling.consumer)
    return [bar for bar in step.bars if (bar.handling.group, bar.handling.consumer) == lane]


def _last(bars: Sequence[Bar]) -> Bar:
    return max(bars, key=lambda bar: (bar.end_ms, bar.handling.attempt))


def _publisher(bars: Sequence[Bar], effect: Step) -> Bar:
    """Who published ``effect``: its namesake, else who was at work then, else who began before."""
    source, at = effect.event.source, effect.at_ms
    named = [bar for bar in bars if source in (bar.handling.consumer, bar.handling.group)]
    at_work = [bar for bar in bars if bar.start_ms <= at <= bar.end_ms]
    before = [bar for bar in bars if bar.start_ms <= at]
    return _last(named or at_work or before or bars)
