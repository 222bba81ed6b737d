"""A shop for one test: real services over the real broker, and what they published."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from redis.asyncio import Redis

from examples.orders.assembly import Options, open_shop
from examples.orders.domain import CreateOrder, Item
from examples.orders.shop import Shop
from examples.orders.system import System

__all__ = ["COMMAND", "RunningShop", "open_running_shop", "quick"]

COMMAND = CreateOrder("ORD_789", "CUST_456", (Item("PROD_001", 2, 29.99),))


def quick(url: str, **changes: Any) -> Options:
    """Options with which nothing fails by chance and retries come at once."""
    values = {"trouble": False, "retry_delay": "100ms", "claim_after": "600ms", "instances": 1}
    return Options(url=url, **{**values, **changes})


@dataclass
class RunningShop:
    shop: Shop
    system: System
    redis: Redis

    async def events(self, topic: str) -> list[dict[str, Any]]:
        """The envelopes on a topic, in the broker's order."""
        entries = await self.redis.xrange(topic)
        return [msgspec.json.decode(fields[b"event"]) for _, fields in entries]

    async def story(self, correlation_id: str) -> dict[str, dict[str, Any]]:
        """The events of one correlation by type."""
        found = {}
        for topic in ("orders-topic", "payments-topic", "notifications-topic"):
            for event in await self.events(topic):
                if event["metadata"]["correlationId"] == correlation_id:
                    found[event["eventType"]] = event
        return found

    async def count(self, topic: str, event_type: str) -> int:
        return sum(event["eventType"] == event_type for event in await self.events(topic))

    async def until(self, met: Callable[[], Awaitable[bool]], *, seconds: float = 60.0) -> None:
        """Wait until ``met``; fails the test after ``seconds``."""
        deadline = time.monotonic() + seconds
        while not await met():
            assert time.monotonic() < deadline, "it did not happen in time"
            await asyncio.sleep(0.05)

    async def until_published(self, topic: str, event_type: str, count: int = 1) -> None:
        async def met() -> bool:
            return await self.count(topic, event_type) >= count

        await self.until(met)


@asynccontextmanager
async def open_running_shop(options: Options) -> AsyncIterator[RunningShop]:
    async with open_shop(options) as shop, Redis.from_url(options.url) as redis:
        await shop.broker.prepare()
        system = System(shop, options)
        await system.start()
        try:
            yield RunningShop(shop, system, redis)
        finally:
            await system.stop()
