"""What an order is: the commands that start one and the reducer that makes one from its events.

Pure: no broker, no clock. Every event type sets fields of its own, so that a history read in another
order than it happened (two streams, two consumers) still makes the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from eventscope.errors import EventscopeError

__all__ = [
    "ORDER_EVENTS",
    "CreateOrder",
    "Fact",
    "Item",
    "OrderRefused",
    "apply_event",
    "order_payload",
    "rebuild_order",
    "status_of",
    "validate_command",
]

Order = dict[str, Any]


class OrderRefused(EventscopeError, ValueError):
    """The order cannot be taken as it is."""


class Item(NamedTuple):
    product_id: str
    quantity: int
    price: float


@dataclass(frozen=True)
class CreateOrder:
    """The command of a customer at the checkout."""

    order_id: str
    customer_id: str
    items: tuple[Item, ...]


class Fact(NamedTuple):
    """One event of an order's history, as much of it as the reducer needs."""

    event_type: str
    payload: Mapping[str, Any]
    timestamp: str


def validate_command(command: CreateOrder) -> None:
    """Raises `OrderRefused` with the reason."""
    if not command.order_id or not command.customer_id:
        raise OrderRefused("an order needs an order id and a customer id")
    if not command.items:
        raise OrderRefused(f"{command.order_id} has no items")
    for item in command.items:
        if item.quantity < 1 or item.price < 0:
            raise OrderRefused(
                f"{command.order_id}: {item.quantity} × {item.product_id} is no item"
            )


def order_payload(command: CreateOrder) -> dict[str, Any]:
    """The guide's payload of ORDER_CREATED."""
    return {
        "orderId": command.order_id,
        "customerId": command.customer_id,
        "items": [
            {"productId": item.product_id, "quantity": item.quantity, "price": item.price}
            for item in command.items
        ],
        "totalAmount": round(sum(item.quantity * item.price for item in command.items), 2),
    }


def _created(payload: Mapping[str, Any], timestamp: str) -> Order:
    copied = ("orderId", "customerId", "items", "totalAmount")
    return {name: payload[name] for name in copied} | {"createdAt": timestamp}


def _inventory(payload: Mapping[str, Any], timestamp: str) -> Order:
    if payload["status"] == "released":
        return {"releasedAt": timestamp}
    return {"stock": payload["status"], "stockAt": timestamp}


def _payment(payload: Mapping[str, Any], timestamp: str) -> Order:
    return {
        "payment": payload["status"],
        "transactionId": payload["transactionId"],
        "paymentAt": timestamp,
    }


def _shipped(payload: Mapping[str, Any], timestamp: str) -> Order:
    return {
        "carrier": payload["carrier"],
        "trackingNumber": payload["trackingNumber"],
        "shippedAt": timestamp,
    }


def _cancelled(payload: Mapping[str, Any], timestamp: str) -> Order:
    return {"cancelReason": payload["reason"], "cancelledAt": timestamp}


ORDER_EVENTS = {
    "ORDER_CREATED": _created,
    "INVENTORY_UPDATED": _inventory,
    "PAYMENT_PROCESSED": _payment,
    "OrderShipped": _shipped,
    "ORDER_CANCELLED": _cancelled,
}
"""What each event says about its order. Events of other types say nothing."""


def apply_event(order: Mapping[str, Any], fact: Fact) -> Order:
    """The order after ``fact``; a fact of a type that is not known leaves it as it is."""
    changes = ORDER_EVENTS.get(fact.event_type)
    if changes is None:
        return dict(order)
    return {**order, **changes(fact.payload, fact.timestamp)}


def rebuild_order(history: Iterable[Fact]) -> Order:
    """The order that its whole history makes; empty for an empty history."""
    order: Order = {}
    for fact in history:
        order = apply_event(order, fact)
    return order


def status_of(order: Mapping[str, Any]) -> str:
    """How far the order has come, told from what is known of it."""
    if not order:
        return "unknown"
    if "cancelledAt" in order:
        return "cancelled"
    if "shippedAt" in order:
        return "shipped"
    if "payment" in order:
        return "paid" if order["payment"] == "captured" else "declined"
    return {"reserved": "reserved", "out-of-stock": "out of stock"}.get(
        order.get("stock", ""), "new"
    )
