"""OrderService: takes orders, keeps the history of each, and cancels what cannot be had or paid."""

from __future__ import annotations

import secrets
from typing import Any

from eventscope import Event, EventBus
from eventscope.cqrs import CommandBus
from examples.orders.domain import CreateOrder, order_payload, validate_command
from examples.orders.history import OrderHistory
from examples.orders.pipe import Pipe
from examples.orders.shop import OWN_SERVICE, Shop
from examples.orders.upkeep import RECENT_KEY

__all__ = ["OrderCommandHandler", "OrderService"]

ENDS_BADLY = {
    "out-of-stock": "an item is out of stock",
    "declined": "the payment was declined",
}


class OrderCommandHandler:
    """The write side: a command becomes the first event of an order's history."""

    def __init__(self, bus: EventBus, history: OrderHistory, pipe: Pipe) -> None:
        self._bus, self._history, self._pipe = bus, history, pipe

    async def handle_create_order(self, command: CreateOrder) -> Event:
        """Raises `OrderRefused`, or `ConcurrencyError` when there is such an order."""
        validate_command(command)
        suffix = command.order_id.removeprefix("ORD_").lower()
        created = self._bus.event(
            "ORDER_CREATED",
            order_payload(command),
            version="1.0",
            correlation_id=f"corr_{suffix}",
            traceparent=new_trace(),
        )
        await self._history.begin(command.order_id, created)
        await self._pipe.run("LPUSH", RECENT_KEY, command.order_id)
        return created


def new_trace() -> str:
    """As a web page's request would bring it (https://www.w3.org/TR/trace-context/)."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


class OrderService:
    name = OWN_SERVICE
    version = "4.0.2"
    concurrency = 32
    max_retries = 3

    def __init__(self, bus: EventBus, shop: Shop) -> None:
        self._bus = bus
        self._history = OrderHistory(shop.history)
        self.commands = CommandBus()
        handler = OrderCommandHandler(bus, self._history, shop.pipe)
        self.commands.handles(CreateOrder)(handler.handle_create_order)
        bus.subscribe(["INVENTORY_UPDATED", "PAYMENT_PROCESSED", "OrderShipped"], self.keep)

    async def keep(self, event: Event) -> None:
        """What other services say of an order goes into its history; bad news end the order."""
        order_id = event.payload["orderId"]
        await self._history.save_event(order_id, event)
        reason = ENDS_BADLY.get(event.payload.get("status", ""))
        if reason is not None:
            await self._history.decide(order_id, lambda order: self._cancel(order, reason))

    def _cancel(self, order: dict[str, Any], reason: str) -> list[Event]:
        """The order as its history makes it says what has to be put back; it is cancelled once."""
        if not order or "cancelledAt" in order:
            return []
        copied = {name: order.get(name) for name in ("orderId", "customerId", "items")}
        return [self._bus.event("ORDER_CANCELLED", {**copied, "reason": reason}, version="1.0")]
