"""What runs beside the services: forgetting old orders, poison, and a line of figures now and then."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

from eventscope.errors import BrokerUnavailable
from eventscope.transports import Transport
from eventscope.transports.base import Outgoing
from examples.orders.broker import Broker
from examples.orders.control import Control
from examples.orders.history import history_key
from examples.orders.pipe import Pipe
from examples.orders.read_side import row_key

__all__ = ["RECENT_KEY", "forget_old_orders", "keep_forgetting", "poison_topic", "report_figures"]

log = logging.getLogger("examples.orders")

RECENT_KEY = "demo:recent-orders"
ORDERS_KEPT = 20_000
MOST_AT_ONCE = 2_000
FORGET_EVERY = 1.0
POISON_EVERY = 5.0
FIGURES_EVERY = 30.0
FIRST_FIGURES = 5.0


async def keep_forgetting(pipe: Pipe) -> None:
    while True:
        with suppress(RedisError):  # the buses say that the broker is away
            await forget_old_orders(pipe.redis, kept=ORDERS_KEPT)
        await asyncio.sleep(FORGET_EVERY)


async def forget_old_orders(redis: Any, *, kept: int) -> int:
    """Drop history and row of all but the ``kept`` newest orders; how many were dropped."""
    excess = await redis.llen(RECENT_KEY) - kept
    if excess <= 0:
        return 0
    old = await redis.rpop(RECENT_KEY, min(excess, MOST_AT_ONCE)) or []
    ids = [order_id.decode() for order_id in old]
    if ids:
        await redis.unlink(*map(row_key, ids), *map(history_key, ids))
    return len(ids)


async def poison_topic(transport: Transport, control: Control) -> None:
    """While the fault is on: by turns an order that is none, and bytes that are no event."""
    for number in itertools.count():
        await asyncio.sleep(POISON_EVERY)
        if control.on("poison-message"):
            with suppress(BrokerUnavailable):
                await transport.append([Outgoing("orders-topic", poison(number))])


def poison(number: int) -> bytes:
    """Odd numbers are cut in the middle, even ones are envelopes around nonsense."""
    order_id = f"ORD_POISON{number:06d}"
    envelope = {
        "eventId": f"evt_poison_{time.time_ns():x}",
        "eventType": "ORDER_CREATED",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "payload": {"orderId": order_id, "items": "two of the red ones", "totalAmount": "a lot"},
        "metadata": {"source": "legacy-import", "version": "0.1"},
    }
    body = json.dumps(envelope).encode()
    return body[: len(body) // 2] if number % 2 else body


async def report_figures(broker: Broker, describe: Callable[[], Iterable[str]]) -> None:
    """Log how many events a second were published since the last line, whoever published them."""
    last, began, wait = 0, time.monotonic(), FIRST_FIGURES
    with suppress(BrokerUnavailable):
        last = await broker.published()
    while True:
        await asyncio.sleep(wait)
        wait = FIGURES_EVERY
        with suppress(BrokerUnavailable):
            now, published = time.monotonic(), await broker.published()
            rate = max(0, published - last) / (now - began)
            log.info("%s", " · ".join([f"{rate:.0f} events/s", *describe()]))
            last, began = published, now
