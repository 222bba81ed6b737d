"""Error budgets: what is allowed, what is used, how fast; by the SRE workbook's arithmetic."""

from __future__ import annotations

import pytest

from dashboard.alerts.budgets import Goal, Spent, budget_of, goals_of, observe_burns, spent
from dashboard.options import ObjectiveOptions
from ingest.folds.cells import Counter
from ingest.queries.sums import Sums
from tests.dashboard.alerts.sums import handled, make

ERRORS = Goal("errors", "", 0.001)


def failing(bad: int, total: int, consumer: str = "payment", **rest: float) -> Sums:
    counts = {Counter.SUCCESS: total - bad, Counter.FAILED: bad}
    return make(handled(consumer, counts), **rest)


def test_every_objective_leaves_a_budget_and_a_consumer_has_its_own() -> None:
    own = {"pay*": {"error_rate": "1%", "p99": "1s"}, "odd": {"error_rate": "many", "p50": "1s"}}
    goals = goals_of(ObjectiveOptions(consumers=own))
    assert [
        (goal.name, goal.consumer, round(goal.allowed, 6), goal.limit_ms) for goal in goals
    ] == [
        ("error rate at most 0.1%", "", 0.001, None),
        ("p95 within 200ms", "", 0.05, 200),
        ("p99 within 500ms", "", 0.01, 500),
        ("error rate at most 1% of pay*", "pay*", 0.01, None),
        ("p99 within 1s of pay*", "pay*", 0.01, 1000),
    ]


@pytest.mark.parametrize(
    ("bad", "total", "burn"),
    [(0, 1000, 0), (1, 1000, 1), (72, 5000, 14.4), (0, 0, 0), (5, 5, 1000)],
)
def test_burn_is_how_many_times_more_than_allowed(bad: int, total: int, burn: float) -> None:
    assert Spent(bad, total).burn(0.001) == pytest.approx(burn)


def test_slow_handlings_use_the_budget_of_a_quantile() -> None:
    sums = make(handled("payment", {Counter.SUCCESS: 10}, [100.0] * 7 + [199.0, 230.0, 5000.0]))
    assert spent(Goal("p95", "", 0.05, 200), sums) == Spent(2, 10)


def test_a_consumer_s_promise_counts_its_own_handlings_and_its_name_is_no_glob() -> None:
    sums = make(
        handled("pay*", {Counter.SUCCESS: 9, Counter.FAILED: 1}),
        handled("payment", {Counter.FAILED: 5}),
    )
    assert spent(Goal("own", "pay*", 0.01), sums) == Spent(1, 10)
    assert spent(Goal("none", "gone", 0.01), sums) == Spent(0, 0)


@pytest.mark.parametrize(("bad", "left"), [(0, 1.0), (5, 0.5), (10, 0.0), (20, -1.0)])
def test_budget_left_is_a_share_and_negative_when_more_is_used(bad: int, left: float) -> None:
    assert budget_of(ERRORS, failing(bad, 10_000)).left == pytest.approx(left)


def test_nothing_is_said_of_a_budget_while_nothing_was_observed() -> None:
    assert budget_of(ERRORS, failing(5, 10, seconds=0)).left is None


@pytest.mark.parametrize(
    ("long", "short", "value"),
    [
        ((20, 1000), (20, 1000), 20.0),
        ((20, 1000), (0, 100), 0.0),
        ((0, 1000), (20, 100), 0.0),
        ((50, 1000), (2, 100), 20.0),
    ],
    ids=["both", "it is over", "a blip", "the less of both"],
)
def test_burn_needs_both_windows(
    long: tuple[int, int], short: tuple[int, int], value: float
) -> None:
    (found,) = observe_burns("burn_1h", [ERRORS], failing(*long), failing(*short))
    assert found.value == pytest.approx(value)
    assert (found.volume, found.detail) == (long[1], f"{long[0]} of 1,000 broke it")


def test_burn_is_unknown_where_a_window_was_not_observed() -> None:
    unseen = failing(20, 1000, seconds=0)
    (found,) = observe_burns("burn_1h", [ERRORS], failing(20, 1000), unseen)
    assert found.value is None
