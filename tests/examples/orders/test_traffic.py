from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from examples.orders.arrivals import Pace
from examples.orders.backpressure import OPEN_BELOW, SHUT_ABOVE, Backpressure
from examples.orders.broker import RedisBroker
from examples.orders.control import Control
from examples.orders.customers import Shoppers
from examples.orders.domain import CreateOrder
from examples.orders.traffic import Traffic
from tests.servers import Valkey


async def _visit(traffic: Traffic, seconds: float) -> None:
    running = asyncio.create_task(traffic.run())
    await asyncio.wait({running}, timeout=seconds)
    running.cancel()
    results = await asyncio.gather(running, return_exceptions=True)
    if not isinstance(results[0], asyncio.CancelledError):
        raise results[0]


def _traffic(place: object, *, control: Control | None = None, shut: bool = False) -> Traffic:
    backpressure = Backpressure()
    backpressure.shut = shut
    return Traffic(
        place,
        pace=Pace(1200, steady=True),
        control=control or Control(),
        shoppers=Shoppers(1),
        backpressure=backpressure,
        seed=1,
    )


async def test_orders_come_at_the_rate() -> None:
    placed: list[CreateOrder] = []

    async def place(command: CreateOrder) -> None:
        placed.append(command)

    traffic = _traffic(place)
    await _visit(traffic, 1.0)

    assert 130 < len(placed) < 260
    assert traffic.placed == len(placed)


async def test_rate_that_is_switched_wins() -> None:
    async def place(command: CreateOrder) -> None: ...

    traffic = _traffic(place, control=Control(rate=0.0))
    await _visit(traffic, 0.3)

    assert traffic.placed == 0


async def test_broker_that_is_away_loses_orders_but_not_the_shop() -> None:
    async def place(command: CreateOrder) -> None:
        raise RedisConnectionError("away")

    traffic = _traffic(place)
    await _visit(traffic, 0.3)

    assert traffic.refused > 0
    assert traffic.placed == 0


async def test_fault_of_the_shop_itself_is_not_hidden() -> None:
    async def place(command: CreateOrder) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await _visit(_traffic(place), 1.0)


async def test_nobody_orders_while_the_door_is_shut() -> None:
    async def place(command: CreateOrder) -> None: ...

    traffic = _traffic(place, shut=True)
    await _visit(traffic, 0.3)

    assert traffic.placed == 0


def test_door_shuts_when_far_behind_and_opens_at_half_of_it() -> None:
    backpressure = Backpressure()
    seen = []
    for unread in (0, SHUT_ABOVE, SHUT_ABOVE + 1, OPEN_BELOW + 1, OPEN_BELOW, SHUT_ABOVE):
        backpressure.note(unread)
        seen.append(backpressure.shut)

    assert seen == [False, False, True, True, False, False]


async def test_redis_tells_what_was_published_and_what_nobody_read(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as redis:
        broker = RedisBroker(valkey.url, redis, topics=["orders-topic", "none"], topic_length=100)
        assert (await broker.unread_orders(), await broker.published()) == (0, 0)
        await redis.xgroup_create("orders-topic", "inventory-service", "0", mkstream=True)
        await redis.xgroup_create("orders-topic", "notification-service", "0")
        for _ in range(3):
            await redis.xadd("orders-topic", {"event": "{}"})
        await redis.xreadgroup("inventory-service", "one", {"orders-topic": ">"}, count=1)

        assert (await broker.unread_orders(), await broker.published()) == (2, 3)
