"""Back-pressure: customers wait at the door while the orders that are in are not yet taken up."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError, ResponseError

__all__ = ["Backpressure", "unread_orders"]

LOOK_EVERY = 0.5
SHUT_ABOVE = 10_000
OPEN_BELOW = 5_000


class Backpressure:
    """``shut`` while the first consumer of orders is far behind; opens again at half of that."""

    def __init__(self) -> None:
        self.shut = False

    async def run(self, redis: Any) -> None:
        while True:
            with suppress(RedisError):  # the buses say that the broker is away
                self.note(await unread_orders(redis))
            await asyncio.sleep(LOOK_EVERY)

    def note(self, unread: int) -> None:
        self.shut = unread > (OPEN_BELOW if self.shut else SHUT_ABOVE)


async def unread_orders(redis: Any) -> int:
    """Entries of orders-topic that inventory-service has not read yet; 0 before there is a group."""
    try:
        groups = await redis.xinfo_groups("orders-topic")
    except ResponseError:
        return 0
    return sum(group["lag"] or 0 for group in groups if group["name"] == b"inventory-service")
