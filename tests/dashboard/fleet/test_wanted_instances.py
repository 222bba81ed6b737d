from __future__ import annotations

import pytest

from dashboard.fleet.scaling import wanted_instances
from dashboard.options import ScalingOptions


@pytest.mark.parametrize(
    ("backlog", "partitions", "expected"),
    [
        (0, None, 2),
        (1000, None, 2),
        (2000, None, 2),
        (2001, None, 3),
        (9500, None, 10),
        (10_000_000, None, 10),
        (10_000_000, 8, 8),
        (0, 1, 1),
    ],
)
def test_backlog_asks_for_instances_within_the_guides_bounds(
    backlog: int, partitions: int | None, expected: int
) -> None:
    options = ScalingOptions()
    assert wanted_instances(backlog=backlog, options=options, partitions=partitions) == expected
