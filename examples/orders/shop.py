"""What all services of one process share, and the words they share on the wire."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from eventscope.sourcing import RedisEventStore
from examples.orders.broker import Broker
from examples.orders.control import Control
from examples.orders.pipe import Pipe
from examples.orders.provider import PaymentProvider

__all__ = ["DEAD_LETTERS", "OWN_SERVICE", "PARTITIONS", "ROUTES", "TOPICS", "Shop"]

TOPICS = ("orders-topic", "payments-topic", "notifications-topic")
PARTITIONS = {
    **dict(zip(TOPICS, (12, 8, 4), strict=True)),
    "failed-events": 4,
    "system-events": 4,
}
"""Of topics that are made on a Kafka; the guide's numbers for its three."""
OWN_SERVICE = "order-service"
DEAD_LETTERS = "failed-events"
ROUTES = {
    "ORDER_*": "orders-topic",
    "INVENTORY_*": "orders-topic",
    "OrderShipped": "orders-topic",
    "PAYMENT_*": "payments-topic",
    "CustomerNotified": "notifications-topic",
    "AnalyticsUpdated": "notifications-topic",
    "AdminNotified": "notifications-topic",
}


@dataclass
class Shop:
    """The outside world of the services. ``trouble`` False: nothing fails unless it is told to."""

    pipe: Pipe
    broker: Broker
    history: RedisEventStore
    provider: PaymentProvider
    control: Control
    trouble: bool = True
    breaker_reset: str = "8s"
    chance: random.Random = field(default_factory=random.Random)

    async def work(self, milliseconds: float) -> None:
        """Take about as long as real work would (log-normal around the median given)."""
        await asyncio.sleep(self.chance.lognormvariate(0, 0.4) * milliseconds / 1000)
