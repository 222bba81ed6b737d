"""When orders come: a day's curve, bursts, and chance. Pure functions of time and a seed."""

from __future__ import annotations

import math
import random

__all__ = [
    "DAY",
    "EVENTS_PER_ORDER",
    "Pace",
    "burst_factor",
    "day_factor",
    "draw_arrivals",
    "orders_per_second",
]

DAY = 86400.0
EVENTS_PER_ORDER = 6
"""What one order publishes: created, stock, payment, shipped, notified, analytics."""

EVENING = 19.5 * 3600
LUNCH = 12.5 * 3600
BURST_SLOT = 300.0
BURST_SIZE = 2.5
POISSON_BY_NORMAL = 60.0


class Pace:
    """How fast the shop is visited: ``rate`` is published events a second, averaged over a day.

    ``steady`` leaves out day curve and bursts, for measuring.
    """

    def __init__(self, rate: float, *, steady: bool = False, seed: int = 1) -> None:
        self.rate = rate
        self.steady = steady
        self.seed = seed

    def orders_per_second(self, *, now: float, second_of_day: float) -> float:
        """Orders a second to expect at ``now`` (seconds, any zero)."""
        base = orders_per_second(self.rate)
        if self.steady:
            return base
        return base * day_factor(second_of_day) * burst_factor(now, seed=self.seed)


def orders_per_second(rate: float) -> float:
    """The orders that make ``rate`` published events a second."""
    return max(rate, 0.0) / EVENTS_PER_ORDER


def day_factor(second_of_day: float) -> float:
    """1 on average over a day: quiet before dawn (0.6), a hump at noon, most in the evening (1.4)."""
    evening = math.cos(2 * math.pi * (second_of_day - EVENING) / DAY)
    noon = math.cos(4 * math.pi * (second_of_day - LUNCH) / DAY)
    return 1.0 + 0.32 * evening + 0.1 * noon


def burst_factor(now: float, *, seed: int = 1) -> float:
    """`BURST_SIZE` for 15 to 30 s once in each five minutes (a mail went out), else 1."""
    slot = math.floor(now / BURST_SLOT)
    chance = random.Random(seed * 1_000_003 + slot)
    length = chance.uniform(15.0, 30.0)
    begin = chance.uniform(60.0, BURST_SLOT - length)
    return BURST_SIZE if begin <= now - slot * BURST_SLOT < begin + length else 1.0


def draw_arrivals(mean: float, chance: random.Random) -> int:
    """A Poisson draw (Knuth's product of uniforms; the normal approximation for large means)."""
    if mean <= 0:
        return 0
    if mean > POISSON_BY_NORMAL:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        count += 1
        product *= chance.random()
    return count
