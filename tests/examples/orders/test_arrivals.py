from __future__ import annotations

import random
import statistics

import pytest

from examples.orders.arrivals import (
    BURST_SIZE,
    BURST_SLOT,
    DAY,
    EVENTS_PER_ORDER,
    Pace,
    burst_factor,
    day_factor,
    draw_arrivals,
    orders_per_second,
)


def test_day_curve_is_one_on_average() -> None:
    curve = [day_factor(second) for second in range(0, int(DAY), 60)]

    assert statistics.mean(curve) == pytest.approx(1.0, abs=1e-6)


def test_night_is_quiet_and_evening_busy() -> None:
    assert day_factor(5 * 3600) < 0.75
    assert day_factor(19 * 3600) > 1.2


def test_day_ends_where_it_begins() -> None:
    assert day_factor(DAY) == pytest.approx(day_factor(0))


def test_each_five_minutes_have_one_burst_of_its_length() -> None:
    for slot in range(50):
        seconds = [burst_factor(slot * BURST_SLOT + second, seed=3) for second in range(300)]
        busy = [second for second, factor in enumerate(seconds) if factor == BURST_SIZE]
        assert 15 <= len(busy) <= 31
        assert busy == list(range(busy[0], busy[-1] + 1))
        assert busy[0] >= 60
        assert set(seconds) == {1.0, BURST_SIZE}


def test_seed_moves_the_bursts() -> None:
    one = [burst_factor(second, seed=1) for second in range(300)]
    other = [burst_factor(second, seed=2) for second in range(300)]

    assert one != other


def test_steady_pace_knows_no_time() -> None:
    pace = Pace(2000, steady=True)

    seen = {pace.orders_per_second(now=now, second_of_day=now) for now in range(0, 86400, 97)}

    assert seen == {2000 / EVENTS_PER_ORDER}


def test_pace_follows_day_and_bursts() -> None:
    pace = Pace(60, seed=5)
    quiet = next(second for second in range(300) if burst_factor(second, seed=5) == 1.0)
    busy = next(second for second in range(300) if burst_factor(second, seed=5) > 1.0)

    assert pace.orders_per_second(now=quiet, second_of_day=0) == pytest.approx(10 * day_factor(0))
    assert pace.orders_per_second(now=busy, second_of_day=0) == pytest.approx(
        10 * day_factor(0) * BURST_SIZE
    )


def test_negative_rate_is_no_rate() -> None:
    assert orders_per_second(-5) == 0


@pytest.mark.parametrize("mean", [0.0, 0.05, 0.7, 8.0, 45.0, 200.0])
def test_draws_have_the_mean_and_the_spread_of_poisson(mean: float) -> None:
    chance = random.Random(11)

    draws = [draw_arrivals(mean, chance) for _ in range(20_000)]

    assert statistics.mean(draws) == pytest.approx(mean, rel=0.05, abs=0.01)
    assert statistics.pvariance(draws) == pytest.approx(mean, rel=0.08, abs=0.01)
    assert min(draws) >= 0
