"""How many instances of a consumer group its backlog asks for. Pure."""

from __future__ import annotations

from math import ceil

from dashboard.options import ScalingOptions

__all__ = ["wanted_instances"]


def wanted_instances(
    *, backlog: int, options: ScalingOptions, partitions: int | None = None
) -> int:
    """One instance for each ``message_backlog`` waiting events, within the configured bounds.

    ``partitions`` caps it where a partition has one reader (Kafka); None means there is no cap.
    """
    wanted = max(options.min_instances, ceil(backlog / options.message_backlog))
    most = options.max_instances if partitions is None else min(options.max_instances, partitions)
    return max(1, min(wanted, most))
