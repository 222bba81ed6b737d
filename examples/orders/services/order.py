"""OrderService: takes orders, keeps the history of each, and cancels what cannot be had or paid."""

from __future__ import annotations

from eventscope import Event, EventBus
from examples.orders.domain import CreateOrder, order_payload, validate_command
from examples.orders.history import OrderHistory
from examples.orders.shop import Shop
from examples.orders.upkeep import RECENT_KEY

__all__ = ["OrderCommandHandler", "OrderService"]

ENDS_BADLY = {
    "out-of-stock": "an item is out of stock",
    "declined": "the payment was declined",
}


class OrderCommandHandler:
    """The write side: a command becomes the first event of an order's history."""

    def __init__(self, bus: EventBus, history: OrderHistory, shop: Shop) -> None:
        self._bus, self._history, self._shop = bus, history, shop

    async def handle_create_order(self, command: CreateOrder) -> Event:
        """Raises `OrderRefused`, or `ConcurrencyError` when there is such an order."""
        validate_command(command)
        suffix = command.order_id.removeprefix("ORD_").lower()
        created = self._bus.event(
            "ORDER_CREATED", order_payload(command), version="1.0", correlation_id=f"corr_{suffix}"
        )
        await self._history.begin(command.order_id, created)
        await self._shop.pipe.run("LPUSH", RECENT_KEY, command.order_id)
        return await self._bus.publish(created, key=command.order_id)


class OrderService:
    name = "order-service"
    version = "4.0.2"
    concurrency = 32
    max_retries = 3

    def __init__(self, bus: EventBus, shop: Shop) -> None:
        self._bus = bus
        self._history = OrderHistory(shop.history, shop.pipe)
        self.commands = OrderCommandHandler(bus, self._history, shop)
        bus.subscribe("INVENTORY_UPDATED", self.keep)
        bus.subscribe("PAYMENT_PROCESSED", self.keep)
        bus.subscribe("OrderShipped", self.keep)

    async def keep(self, event: Event) -> None:
        """What other services say of an order goes into its history; bad news end the order."""
        order_id = event.payload["orderId"]
        await self._history.save_event(order_id, event)
        reason = ENDS_BADLY.get(event.payload.get("status", ""))
        if reason is not None:
            await self._cancel(order_id, reason)

    async def _cancel(self, order_id: str, reason: str) -> None:
        """The order as its history makes it says what has to be put back."""
        order = await self._history.rebuild_order_state(order_id)
        payload = {
            "orderId": order_id,
            "customerId": order.get("customerId"),
            "items": order.get("items"),
            "reason": reason,
        }
        cancelled = self._bus.event("ORDER_CANCELLED", payload, version="1.0")
        await self._history.save_event(order_id, cancelled)
        await self._bus.publish(cancelled, key=order_id)
