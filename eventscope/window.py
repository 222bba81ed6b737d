"""Error rate, latency and throughput over the last minute or so, in constant memory."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Rates", "Window"]


class Rates(NamedTuple):
    """``error_rate`` 0 to 1, mean ``latency_ms``, ``throughput`` in calls a second."""

    calls: int
    error_rate: float
    latency_ms: float
    throughput: float


class Window:
    """A ring of slots that slides in steps of ``seconds / slots``; time is a parameter."""

    def __init__(self, seconds: float = 60.0, slots: int = 30) -> None:
        self._width = seconds / slots
        self._slots = slots
        self._rows: dict[int, list[float]] = {}
        self._began: float | None = None

    def record(self, now: float, *, failed: bool, seconds: float) -> None:
        if self._began is None:
            self._began = now
        slot = int(now // self._width)
        row = self._rows.get(slot)
        if row is None:
            self._forget(slot)
            row = self._rows[slot] = [0, 0, 0.0]
        row[0] += 1
        row[1] += failed
        row[2] += seconds

    def rates(self, now: float) -> Rates:
        """All zero when nothing was called within the window."""
        self._forget(int(now // self._width))
        calls = int(sum(row[0] for row in self._rows.values()))
        if not calls or self._began is None:
            return Rates(0, 0.0, 0.0, 0.0)
        failures = sum(row[1] for row in self._rows.values())
        total = sum(row[2] for row in self._rows.values())
        # Not less than a second, or the very first call would be a throughput of thousands.
        span = min(self._slots * self._width, max(1.0, now - self._began))
        return Rates(calls, failures / calls, total / calls * 1000, calls / span)

    def _forget(self, slot: int) -> None:
        for old in [known for known in self._rows if known <= slot - self._slots]:
            del self._rows[old]
