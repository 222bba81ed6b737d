"""Customers at the checkout: turns the pace into commands, as many as chance wants."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from eventscope.errors import EventscopeError
from examples.orders.arrivals import Pace, draw_arrivals
from examples.orders.backpressure import Backpressure
from examples.orders.control import Control
from examples.orders.customers import Shoppers
from examples.orders.domain import CreateOrder

__all__ = ["Traffic", "local_second_of_day"]

TICK = 0.05
LONGEST_TICK = 1.0
MOST_AT_ONCE = 1000


class Traffic:
    """Places orders until cancelled.

    A tick begins when the orders of the one before are placed, so a shop that cannot keep up is
    visited less, and nothing piles up in memory.
    """

    def __init__(
        self,
        place: Callable[[CreateOrder], Awaitable[object]],
        *,
        pace: Pace,
        control: Control,
        shoppers: Shoppers,
        backpressure: Backpressure,
        seed: int | None = None,
    ) -> None:
        self._place = place
        self._pace = pace
        self._control = control
        self._shoppers = shoppers
        self._backpressure = backpressure
        self._chance = random.Random(seed)
        self.placed = 0
        self.refused = 0

    async def run(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            if not self._backpressure.shut:
                await self._place_some(min(now - last, LONGEST_TICK))
            last = now

    async def _place_some(self, elapsed: float) -> None:
        if self._control.rate is not None:
            self._pace.rate = self._control.rate
        rate = self._pace.orders_per_second(now=time.time(), second_of_day=local_second_of_day())
        count = min(draw_arrivals(rate * elapsed, self._chance), MOST_AT_ONCE)
        orders = [self._shoppers.next_order() for _ in range(count)]
        results = await asyncio.gather(*map(self._place, orders), return_exceptions=True)
        self._count(results)

    def _count(self, results: list[object]) -> None:
        for result in results:
            if isinstance(result, EventscopeError | RedisError):
                self.refused += 1
            elif isinstance(result, BaseException):
                raise result
            else:
                self.placed += 1


def local_second_of_day() -> float:
    now = time.localtime()
    return now.tm_hour * 3600.0 + now.tm_min * 60.0 + now.tm_sec
