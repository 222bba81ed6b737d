"""Which buckets to read for a range of time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from eventscope.errors import EventscopeError
from ingest.options import MetricsRetention

__all__ = ["MAX_POINTS", "MetricsError", "Plan", "plan_buckets"]

MAX_POINTS = 10_000
_WANTED_POINTS = 720
_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400, 7 * 86400, 28 * 86400),
)
_SECONDS_UP_TO = 3600
_FINEST_UP_TO = 900
_MINUTES_UP_TO = 2 * 86400


class MetricsError(EventscopeError, ValueError):
    """The metrics asked for cannot be read."""


class Plan(NamedTuple):
    """Buckets of ``resolution`` seconds, joined to steps of ``step`` seconds from ``first_ms`` on.

    Buckets that began before ``kept_from_ms`` may be deleted already.
    """

    resolution: int
    step: int
    first_ms: int
    points: int
    kept_from_ms: int

    @property
    def end_ms(self) -> int:
        return self.first_ms + self.points * self.step * 1000

    def times(self) -> list[int]:
        return list(range(self.first_ms, self.end_ms, self.step * 1000))


def plan_buckets(
    *,
    since_ms: int,
    until_ms: int,
    resolution: int | None,
    step: int | None,
    now_ms: int,
    retention: MetricsRetention,
) -> Plan:
    """What is read for [since, until), widened to whole steps. Raises `MetricsError`."""
    if until_ms <= since_ms:
        raise MetricsError("The range of time is empty: until must be after since.")
    oldest = {1: retention.second, 60: retention.minute, 3600: retention.hour}
    age = (now_ms - since_ms) / 1000
    if resolution is not None and resolution not in oldest:
        raise MetricsError(f"There is no resolution of {resolution} s; choose 1, 60 or 3600.")
    if step is None:
        step = resolution or _choose_step((until_ms - since_ms) / 1000, age, oldest)
    if resolution is None:
        resolution = _choose_resolution(step, oldest)
    if step <= 0 or step % resolution:
        raise MetricsError(f"A step of {step} s is not made of whole buckets of {resolution} s.")
    first_ms = since_ms // (step * 1000) * step * 1000
    points = -((first_ms - until_ms) // (step * 1000))
    if points > MAX_POINTS:
        raise MetricsError(f"{points} points are too many; take a larger step.")
    return Plan(resolution, step, first_ms, points, now_ms - int(oldest[resolution] * 1000))


def _choose_step(span: float, age: float, oldest: Mapping[int, float]) -> int:
    if span <= _FINEST_UP_TO and age <= oldest[1]:
        return 1
    finest = 1 if span <= _SECONDS_UP_TO and age <= oldest[1] else 60
    if span > _MINUTES_UP_TO or age > oldest[60]:
        finest = 3600
    fitting = (step for step in _STEPS if step >= finest and span / step <= _WANTED_POINTS)
    return next(fitting, _STEPS[-1])


def _choose_resolution(step: int, oldest: Mapping[int, float]) -> int:
    """The coarsest buckets that make up the step; that is the least to read."""
    for resolution in sorted(oldest, reverse=True):
        if step > 0 and step % resolution == 0:
            return resolution
    raise MetricsError(f"A step of {step} s is not a whole number of seconds above 0.")
