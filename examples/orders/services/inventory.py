"""InventoryService: takes the items of a new order from the shelves, and puts back what was cancelled."""

from __future__ import annotations

from typing import Any

from eventscope import Event, EventBus
from eventscope.stamps import format_ms, now_ms
from examples.orders.provider import hash_share
from examples.orders.shop import Shop
from examples.orders.stock import BadOrder, Shelves, StockMismatch, quantities

__all__ = ["InventoryService"]


class InventoryService:
    name = "inventory-service"
    version = "2.3.0"
    concurrency = 16
    max_retries = 3

    def __init__(self, bus: EventBus, shop: Shop) -> None:
        self._bus, self._shop = bus, shop
        self._shelves = Shelves(shop.pipe)
        bus.subscribe("ORDER_CREATED", self.reserve)
        bus.subscribe("ORDER_CANCELLED", self.release)

    async def reserve(self, event: Event) -> None:
        """Answers with INVENTORY_UPDATED, whether the items were there or not."""
        order = _order(event)
        items = quantities(order["orderId"], order.get("items"))
        await self._shop.work(4)
        self._count_shelf(event, items[0][0])
        status = await self._shelves.reserve(order["orderId"], items)
        await self._publish(order, status)

    async def release(self, event: Event) -> None:
        order = _order(event)
        items = quantities(order["orderId"], order.get("items"))
        if await self._shelves.release(order["orderId"], items):
            await self._publish(order, "released")

    async def _publish(self, order: dict[str, Any], status: str) -> None:
        """The guide's payload, with what the next services need."""
        copied = {
            name: order.get(name) for name in ("orderId", "customerId", "items", "totalAmount")
        }
        payload = {**copied, "status": status, "timestamp": format_ms(now_ms())}
        await self._bus.publish("INVENTORY_UPDATED", payload, key=order["orderId"], version="1.0")

    def _count_shelf(self, event: Event, product_id: str) -> None:
        """Rarely the shelf holds one less than the books say; somebody mends that within seconds."""
        if self._shop.trouble and event.attempt == 1 and hash_share(event.event_id) < 0.004:
            raise StockMismatch(f"{product_id}: the books say 14, 13 were counted")


def _order(event: Event) -> dict[str, Any]:
    order = event.payload
    if not isinstance(order, dict) or not isinstance(order.get("orderId"), str):
        raise BadOrder(f"{event.event_id}: there is no orderId in the payload")
    return order
