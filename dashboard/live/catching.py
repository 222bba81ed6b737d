"""Catching up in words: how far behind ingest is, how fast it stores, when it will be done."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from ingest.queries.status import IngestStatus

__all__ = ["CatchUp", "Pace", "Sample", "catch_up"]

WINDOW_MS = 15_000
"""What a rate is taken over: some commits, and a change of pace is seen soon."""
LEAST_MS = 2_000
UNITS = (("s", 1_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000))


class Sample(NamedTuple):
    """What ingest had stored at a moment (messages, ever), and what still lay in the broker."""

    at_ms: int
    stored: int
    lag: int


class CatchUp(NamedTuple):
    """``per_second``: messages stored a second, ``left_ms``: until all is stored at this pace.

    None where it is not known; ``left_ms`` also where more arrives than is stored (``losing``).
    """

    behind_ms: int
    per_second: float | None
    left_ms: int | None
    losing: bool

    @property
    def behind(self) -> str:
        """Such as ``2 min behind``."""
        return f"{_span(self.behind_ms)} behind"

    @property
    def words(self) -> str:
        """Such as ``2 min behind, at 48k/s, done in about 3 min``."""
        parts = [self.behind]
        if self.per_second is not None:
            parts.append(f"at {_rate(self.per_second)}/s")
        if self.left_ms is not None:
            parts.append(f"done in about {_span(self.left_ms)}")
        elif self.losing:
            parts.append("falling further behind")
        return ", ".join(parts)


class Pace:
    """Samples of the last `WINDOW_MS`; lives as long as the process that makes ticks."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def add(self, sample: Sample) -> tuple[Sample, ...]:
        """The samples of the window, oldest first, with ``sample`` as the last.

        A clock or a count that went back (another database) begins anew.
        """
        last = self._samples[-1] if self._samples else None
        if last and (sample.at_ms <= last.at_ms or sample.stored < last.stored):
            self._samples.clear()
        self._samples.append(sample)
        while self._samples[0].at_ms < sample.at_ms - WINDOW_MS:
            self._samples.popleft()
        return tuple(self._samples)


def catch_up(status: IngestStatus, now_ms: int, samples: Sequence[Sample] = ()) -> CatchUp | None:
    """How ingest catches up; None if it does not have to, or cannot (nobody is at work). Pure."""
    if not status.catching_up or status.observed_until_ms is None:
        return None
    behind_ms = now_ms - status.observed_until_ms
    first, last = (samples[0], samples[-1]) if samples else (None, None)
    if first is None or last is None or last.at_ms - first.at_ms < LEAST_MS:
        return CatchUp(behind_ms, None, None, losing=False)
    seconds = (last.at_ms - first.at_ms) / 1000
    drained = (first.lag - last.lag) / seconds if first.lag else 0.0  # 0: it was not asked for yet
    left_ms = round(last.lag / drained * 1000) if drained > 0 else None
    stored = (last.stored - first.stored) / seconds
    return CatchUp(behind_ms, stored, left_ms, losing=drained < 0)


def _span(ms: int) -> str:
    """A span to one or two digits, in the largest unit of which there is one and a half."""
    unit, size = next(
        ((unit, size) for unit, size in reversed(UNITS) if ms >= 1.5 * size), UNITS[0]
    )
    return f"{max(1, round(ms / size))} {unit}"


def _rate(per_second: float) -> str:
    for limit, size, unit in ((1e3, 1, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M")):
        if per_second < 0.9995 * limit:
            return (
                f"{float(f'{per_second / size:.2g}'):g}{unit}" if size > 1 else f"{per_second:.0f}"
            )
    return "1G+"
