"""Looking one order or one customer up from the command line."""

from __future__ import annotations

from typing import Any

from examples.orders.assembly import Options, open_shop
from examples.orders.domain import status_of
from examples.orders.history import OrderHistory
from examples.orders.read_side import OrderQueryHandler, OrderReadRepository

__all__ = ["describe_customer", "describe_order"]


async def describe_order(url: str, order_id: str) -> dict[str, Any] | None:
    """The order on the read side, its history, and what the history rebuilds; None if unknown."""
    async with open_shop(Options(url=url)) as shop:
        details = await OrderQueryHandler(OrderReadRepository(shop.pipe)).get_order_details(
            order_id
        )
        history = OrderHistory(shop.history)
        events = await history.get_order_history(order_id)
        rebuilt = await history.rebuild_order_state(order_id)
    if details is None and not events:
        return None
    return {
        "details": details,
        "history": [
            {"eventType": event.event_type, "eventId": event.event_id, "timestamp": event.timestamp}
            for event in events
        ],
        "rebuilt": {**rebuilt, "status": status_of(rebuilt)},
    }


async def describe_customer(url: str, customer_id: str) -> list[dict[str, Any]]:
    """The customer's newest orders, newest first."""
    async with open_shop(Options(url=url)) as shop:
        queries = OrderQueryHandler(OrderReadRepository(shop.pipe))
        return await queries.get_customer_orders(customer_id)
