from __future__ import annotations

import asyncio
import json

import pytest

from examples.orders.assembly import UnknownService, build_instance
from examples.orders.control import Control
from examples.orders.domain import CreateOrder
from examples.orders.history import OrderHistory
from examples.orders.read_side import OrderQueryHandler, OrderReadRepository
from examples.orders.upkeep import RECENT_KEY, forget_old_orders, poison, poison_topic
from tests.examples.orders.shops import COMMAND, open_running_shop, quick
from tests.servers import Valkey


async def test_only_the_newest_orders_are_kept_with_row_and_history(valkey: Valkey) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        history = OrderHistory(running.shop.history)
        queries = OrderQueryHandler(OrderReadRepository(running.shop.pipe))
        for number in range(5):
            await running.system.place(CreateOrder(f"ORD_{number}", "CUST_1", COMMAND.items))
        await running.until_published("notifications-topic", "CustomerNotified", 5)

        async def settled() -> bool:
            """Every order has its whole history and its row."""
            told = [await history.get_order_history(f"ORD_{n}") for n in range(5)]
            listed = await queries.get_customer_orders("CUST_1")
            return len(listed) == 5 and all(len(one) == 4 for one in told)

        await running.until(settled)
        dropped = await forget_old_orders(running.redis, kept=2)

        histories = [len(await history.get_order_history(f"ORD_{n}")) for n in range(5)]
        rows = [await queries.get_order_details(f"ORD_{n}") is not None for n in range(5)]
        listed = [order["orderId"] for order in await queries.get_customer_orders("CUST_1")]

    assert dropped == 3
    assert histories == [0, 0, 0, 4, 4]
    assert rows == [False, False, False, True, True]
    assert listed == ["ORD_4", "ORD_3"]


async def test_few_orders_are_all_kept(valkey: Valkey) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        await running.system.place(COMMAND)

        assert await forget_old_orders(running.redis, kept=1) == 0
        assert await running.redis.llen(RECENT_KEY) == 1


def test_poison_is_by_turns_nonsense_and_no_json() -> None:
    assert json.loads(poison(0))["payload"]["items"] == "two of the red ones"
    with pytest.raises(json.JSONDecodeError):
        json.loads(poison(1))


async def test_poison_comes_only_while_the_fault_is_on(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.orders.upkeep.POISON_EVERY", 0.05)
    control = Control()
    async with open_running_shop(quick(valkey.url)) as running:
        poisoning = asyncio.create_task(
            poison_topic(running.system.instances[0].bus.transport, control)
        )
        await asyncio.sleep(0.2)
        before = await running.redis.xlen("orders-topic")
        control.faults = frozenset({"poison-message"})

        async def poisoned() -> bool:
            return bool(await running.redis.xlen("orders-topic") >= 3)

        await running.until(poisoned)
        poisoning.cancel()

        assert before == 0


async def test_service_that_is_not_there_is_refused(valkey: Valkey) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        with pytest.raises(UnknownService, match="cheese-service: no such service"):
            build_instance("cheese-service", 1, running.shop, quick(valkey.url))
