"""What is known and what is not: the one rule by which a chart shows a gap instead of a zero.

A bucket is known when every live stream is stored to its end, observation had begun before its end,
and no message that the broker discarded unread may have lain in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ingest.models import Gap, Stream

__all__ = ["Coverage", "StreamView", "coverage_of", "is_live", "read_coverage", "read_streams"]

HANDOVER_S = 30.0
"""A stream that nobody took over in this time, while others are leased, is gone from the broker."""


class StreamView(NamedTuple):
    """What the rules need of a stream; times in ms but ``leased_until`` in seconds."""

    topic: str
    dead_letters: bool
    leased_until: float
    observed_from_ms: int
    observed_until_ms: int
    newest_ms: int
    stored: int
    undecoded: int
    lost: int
    lag: int


class Coverage(NamedTuple):
    """Observed time (None: nothing yet) and the holes in it, as inclusive (from, until) pairs.

    The holes are in order and apart from each other.
    """

    from_ms: int | None
    until_ms: int | None
    gaps: tuple[tuple[int, int], ...] = ()

    def seconds(self, start_ms: int, end_ms: int) -> float:
        """How much of a bucket is observed, in seconds; 0 if any of it is in a gap.

        Time before the first observation counts: nothing was there, or a gap says so.
        """
        if self.from_ms is None or self.until_ms is None or end_ms <= self.from_ms:
            return 0.0
        place = bisect_left(self.gaps, (end_ms, 0)) - 1
        if place >= 0 and self.gaps[place][1] >= start_ms:
            return 0.0
        return max(0, min(end_ms, self.until_ms) - start_ms) / 1000


def read_streams() -> list[StreamView]:
    rows = Stream.objects.order_by("id").values_list(*StreamView._fields)
    return [StreamView(*row) for row in rows]


def is_live(stream: StreamView, streams: Iterable[StreamView]) -> bool:
    """Whether a worker has it, or will have it again: streams that left the broker are not waited for."""
    newest = max(other.leased_until for other in streams)
    return stream.leased_until >= newest - HANDOVER_S


def coverage_of(streams: Sequence[StreamView], gaps: Iterable[tuple[int, int]] = ()) -> Coverage:
    """The time that all live streams cover. Pure."""
    begun = [stream for stream in streams if stream.observed_until_ms > 0]
    if not begun:
        return Coverage(None, None)
    return Coverage(
        min(stream.observed_from_ms for stream in begun),
        min(stream.observed_until_ms for stream in begun if is_live(stream, begun)),
        _joined(gaps),
    )


def _joined(gaps: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Overlapping holes as one, ascending."""
    joined: list[tuple[int, int]] = []
    for from_ms, until_ms in sorted(gaps):
        if joined and from_ms <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until_ms))
        else:
            joined.append((from_ms, until_ms))
    return tuple(joined)


def read_coverage(since_ms: int, until_ms: int, streams: Sequence[StreamView]) -> Coverage:
    """Coverage with the gaps that touch [since, until)."""
    touching = Gap.objects.filter(until_ms__gte=since_ms, from_ms__lt=until_ms, lost__gt=0)
    return coverage_of(
        streams, touching.order_by("from_ms").values_list("from_ms", "until_ms")[:5000]
    )
