"""The guide's errorHandlers: what is done, once, when an order could not be processed for good."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from eventscope import Event, EventBus
from examples.orders.stock import BadOrder

__all__ = ["error_handlers"]


def error_handlers(
    bus: Callable[[], EventBus],
) -> Mapping[str, Callable[[Event], Coroutine[Any, Any, None]]]:
    """By error type; ``bus`` is asked for late, as the handlers are made before it."""

    async def on_order_processing_error(event: Event) -> None:
        await notify_admin(bus(), event)
        log_error(bus(), event)

    return {"ORDER_PROCESSING_ERROR": on_order_processing_error}


async def notify_admin(bus: EventBus, event: Event) -> None:
    payload = {"subject": f"{event.event_type} cannot be processed", "eventId": event.event_id}
    await bus.publish("AdminNotified", payload, version="1.0")


def log_error(bus: EventBus, event: Event) -> None:
    """As ``ErrorOccurred`` on system-events."""
    error = BadOrder(f"{event.event_type} {event.event_id} was given up by {bus.source}")
    bus.report_error(error, {"eventId": event.event_id, "topic": event.topic})
