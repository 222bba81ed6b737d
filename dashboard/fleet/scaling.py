"""How many instances of a consumer group its backlog asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from dashboard.options import ScalingOptions

__all__ = ["Advice", "advise", "wanted_instances"]


FAILING = 0.1
"""The share of handlings that fail from which more instances would be no help: those there are fail."""


@dataclass(frozen=True)
class Advice:
    """``tone`` is ok, warn or off; ``wanted`` None where the backlog is not known."""

    wanted: int | None
    words: str
    tone: str


def wanted_instances(
    *, backlog: int, options: ScalingOptions, partitions: int | None = None
) -> int:
    """One instance for each ``message_backlog`` waiting events, within the configured bounds.

    ``partitions`` caps it where a partition has one reader (Kafka); None means there is no cap.
    """
    wanted = max(options.min_instances, ceil(backlog / options.message_backlog))
    most = options.max_instances if partitions is None else min(options.max_instances, partitions)
    return max(1, min(wanted, most))


def advise(
    *,
    backlog: int | None,
    consumers: int,
    options: ScalingOptions,
    error_rate: float | None = None,
    partitions: int | None = None,
) -> Advice:
    """What to do about a group, in words; ``error_rate`` is the share of its handlings that fail, if told.

    More instances than ``partitions``, if it reads any, are not asked for.
    """
    if backlog is None:
        return Advice(None, "The broker does not tell the lag", "off")
    wanted = wanted_instances(backlog=backlog, options=options, partitions=partitions)
    if consumers == 0:
        return Advice(wanted, f"Nobody consumes; start {wanted}", "warn")
    if (error_rate or 0) > FAILING:
        return Advice(wanted, f"{error_rate:.0%} fail; look at its failures first", "warn")
    if wanted > consumers and backlog > options.message_backlog:
        return Advice(wanted, f"Add {wanted - consumers}: {wanted} in all", "warn")
    if consumers < options.min_instances:
        return Advice(wanted, f"Keeps up; {options.min_instances} would survive a loss", "ok")
    return Advice(wanted, "Keeps up", "ok")
