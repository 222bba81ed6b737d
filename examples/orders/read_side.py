"""The read side of CQRS: one row an order and a list a customer, made from the stream of events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from examples.orders.domain import Fact, apply_event, status_of
from examples.orders.pipe import Pipe

__all__ = ["OrderProjection", "OrderQueryHandler", "OrderReadRepository", "customer_key", "row_key"]

KEPT = 86_400
ORDERS_OF_ONE = 50

# One order's row and its place in its customer's list, trimmed to the newest, expiring together.
SAVE = """
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
redis.call('EXPIRE', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -ARGV[4] - 1)
  redis.call('EXPIRE', KEYS[2], ARGV[1])
end
return 1
"""


def row_key(order_id: str) -> str:
    return f"demo:order:{order_id}"


def customer_key(customer_id: str) -> str:
    return f"demo:customer:{customer_id}"


class OrderReadRepository:
    """Rows in Redis that outlive their last change by a day at most (see `housekeeping`)."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    async def save(self, order_id: str, changes: Mapping[str, Any], *, at_ms: int) -> None:
        """Set fields of one order; repeating it changes nothing."""
        words = [word for name, value in changes.items() for word in (name, json.dumps(value))]
        customer = str(changes.get("customerId", ""))
        listed = order_id if customer else ""
        keys = (row_key(order_id), customer_key(customer))
        bounds = (KEPT, listed, at_ms, ORDERS_OF_ONE)
        await self._pipe.run("EVAL", SAVE, 2, *keys, *bounds, *words)

    async def find_by_id(self, order_id: str) -> dict[str, Any] | None:
        stored = await self._pipe.redis.hgetall(row_key(order_id))
        return {key.decode(): json.loads(value) for key, value in stored.items()} or None

    async def find_by_customer_id(self, customer_id: str) -> list[dict[str, Any]]:
        """The customer's newest orders, newest first; those that have expired are left out."""
        ids = await self._pipe.redis.zrevrange(customer_key(customer_id), 0, ORDERS_OF_ONE - 1)
        rows = [await self.find_by_id(order_id.decode()) for order_id in ids]
        return [row for row in rows if row is not None]


class OrderProjection:
    """Keeps the read side as the stream says."""

    def __init__(self, orders: OrderReadRepository) -> None:
        self._orders = orders

    async def project(self, fact: Fact, *, at_ms: int) -> None:
        changes = apply_event({}, fact)
        if changes:
            await self._orders.save(fact.payload["orderId"], changes, at_ms=at_ms)


class OrderQueryHandler:
    """What a shop's pages ask."""

    def __init__(self, orders: OrderReadRepository) -> None:
        self._orders = orders

    async def get_order_details(self, order_id: str) -> dict[str, Any] | None:
        """The order with its status; None when there is none."""
        order = await self._orders.find_by_id(order_id)
        return None if order is None else {**order, "status": status_of(order)}

    async def get_customer_orders(self, customer_id: str) -> list[dict[str, Any]]:
        """The customer's orders with their status, newest first."""
        orders = await self._orders.find_by_customer_id(customer_id)
        return [{**order, "status": status_of(order)} for order in orders]
