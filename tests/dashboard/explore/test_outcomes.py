from __future__ import annotations

import pytest

from dashboard.explore.outcomes import outcome_of
from dashboard.explore.story import Handling


def handled(consumer: str, outcome: str, attempt: int = 1, ended: int = 0) -> Handling:
    return Handling(
        event_id="e", consumer=consumer, outcome=outcome, attempt=attempt, ended_ms=ended
    )


@pytest.mark.parametrize(
    ("handlings", "expected"),
    [
        ([], "unprocessed"),
        ([handled("a", "success")], "delivered"),
        ([handled("a", "skipped")], "delivered"),
        ([handled("a", "success"), handled("b", "failed")], "failed"),
        ([handled("a", "retry")], "retried"),
        ([handled("a", "retry", 1, 10), handled("a", "success", 2, 20)], "retried"),
        ([handled("a", "failed", 1), handled("b", "dead_lettered", 3)], "dead_lettered"),
        ([handled("a", "dead_lettered", 3, 10), handled("a", "success", 4, 20)], "retried"),
        ([handled("a", "success", 2, 20), handled("a", "retry", 1, 10)], "retried"),
        ([handled("a", "exploded")], "failed"),
    ],
)
def test_outcome_is_the_worst_that_a_consumer_ended_with(
    handlings: list[Handling], expected: str
) -> None:
    assert outcome_of("ORDER_CREATED", handlings) == expected


def test_system_events_have_no_outcome() -> None:
    assert outcome_of("HealthCheck", []) == ""
