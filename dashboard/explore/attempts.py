"""What each consumer did with one event, for a table: a row a consumer, its attempts folded. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.explore.story import Handling

__all__ = ["Consumed", "by_consumer"]


@dataclass(frozen=True, slots=True)
class Consumed:
    """One consumer's attempts in order, and its three times in ms; None where a moment is not known.

    *Queue time* is append → first start, *processing time* the sum of the attempts, *critical time* the
    event's own timestamp → last end. Clocks differ: what would be negative is told as 0.
    """

    consumer: str
    group: str
    attempts: list[Handling]
    queue_ms: float | None
    processing_ms: float | None
    critical_ms: float | None

    @property
    def last(self) -> Handling:
        return self.attempts[-1]

    @property
    def tried(self) -> int:
        """Attempts made, by the consumer's own count where that is higher."""
        return max(len(self.attempts), max(one.attempt for one in self.attempts))

    @property
    def errors(self) -> list[Handling]:
        return [one for one in self.attempts if one.error_type or one.error_message]


def by_consumer(
    handlings: Sequence[Handling], *, appended_ms: int, occurred_ms: int | None
) -> list[Consumed]:
    """Consumers in the order in which they began."""
    grouped: dict[tuple[str, str], list[Handling]] = {}
    for one in sorted(handlings, key=lambda one: (one.started_ms or 0, one.attempt)):
        grouped.setdefault((one.consumer, one.group), []).append(one)
    return [
        Consumed(
            consumer=consumer,
            group=group,
            attempts=attempts,
            queue_ms=_span(appended_ms, attempts[0].started_ms),
            processing_ms=_sum([_took(one) for one in attempts]),
            critical_ms=_span(occurred_ms, attempts[-1].ended_ms),
        )
        for (consumer, group), attempts in grouped.items()
    ]


def _took(one: Handling) -> float | None:
    return _span(one.started_ms, one.ended_ms) if one.duration_ms is None else one.duration_ms


def _sum(spans: Sequence[float | None]) -> float | None:
    known = [span for span in spans if span is not None]
    return sum(known) if known else None


def _span(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else max(0, end - start)
