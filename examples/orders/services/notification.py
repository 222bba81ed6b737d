"""NotificationService: tells the customer how it went."""

from __future__ import annotations

import asyncio

from eventscope import Event, EventBus
from examples.orders.shop import Shop

__all__ = ["NotificationService"]

SLOW = 4.0


class NotificationService:
    name = "notification-service"
    version = "1.2.0"
    concurrency = 12
    max_retries = 3

    def __init__(self, bus: EventBus, shop: Shop) -> None:
        self._bus, self._shop = bus, shop
        bus.subscribe("OrderShipped", self.tell_shipped)
        bus.subscribe("ORDER_CANCELLED", self.tell_cancelled)

    async def tell_shipped(self, event: Event) -> None:
        await self._tell(event, "your-order-is-on-its-way")

    async def tell_cancelled(self, event: Event) -> None:
        await self._tell(event, "your-order-was-cancelled")

    async def _tell(self, event: Event, template: str) -> None:
        await self._shop.work(12)
        if self._shop.control.on("slow-consumer"):
            await asyncio.sleep(SLOW)
        order = event.payload
        payload = {
            "orderId": order["orderId"],
            "customerId": order["customerId"],
            "channel": "email",
            "template": template,
        }
        await self._bus.publish("CustomerNotified", payload, key=order["orderId"], version="1.0")
