"""How many letters a job may send now: its rate, without bursts after a pause."""

from __future__ import annotations

import time
from collections.abc import Callable

from dashboard.recovery.models import Job

__all__ = ["Pace"]

UNLIMITED = 1 << 30
LONGEST_S = 1.0


class Pace:
    """A bucket a job that fills at its rate and holds a second's worth; kept in memory, so that it
    is empty after a restart.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[int, tuple[float, float]] = {}

    def allowed(self, job: Job) -> int:
        if job.rate_per_second is None:
            return UNLIMITED
        return int(self._fill(job))

    def spend(self, job: Job, sent: int) -> None:
        if job.rate_per_second is not None:
            self._buckets[job.pk] = (self._fill(job) - sent, self._clock())

    def _fill(self, job: Job) -> float:
        rate = job.rate_per_second or 0.0
        now = self._clock()
        held, since = self._buckets.get(job.pk, (0.0, now))
        filled = min(held + (now - since) * rate, max(1.0, rate * LONGEST_S))
        self._buckets[job.pk] = (filled, now)
        return filled
