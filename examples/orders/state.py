"""The order as the dashboard rebuilds it: the shop's own reducer, registered by name."""

from __future__ import annotations

from typing import Any

from eventscope import Event
from eventscope.reducers import reducer
from examples.orders.domain import Fact, apply_event, status_of

__all__ = ["order_state"]


@reducer("order-state")
def order_state(order: dict[str, Any], event: Event) -> dict[str, Any]:
    """The order after ``event``, with how far it has come."""
    changed = apply_event(order, Fact(event.event_type, event.payload, event.timestamp))
    return {**changed, "status": status_of(changed)}
