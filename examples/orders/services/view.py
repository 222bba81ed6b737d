"""OrderView: feeds the read side from the stream of events."""

from __future__ import annotations

from eventscope import Event, EventBus
from eventscope.stamps import now_ms
from examples.orders.domain import ORDER_EVENTS, Fact
from examples.orders.read_side import OrderProjection, OrderReadRepository
from examples.orders.shop import Shop
from examples.orders.stock import BadOrder

__all__ = ["OrderView"]


class OrderView:
    name = "order-view"
    version = "1.1.0"
    concurrency = 64
    max_retries = 3

    def __init__(self, bus: EventBus, shop: Shop) -> None:
        self._projection = OrderProjection(OrderReadRepository(shop.pipe))
        bus.subscribe(list(ORDER_EVENTS), self.project)

    async def project(self, event: Event) -> None:
        """Raises `BadOrder` for a payload that says nothing of an order."""
        fact = Fact(event.event_type, event.payload, event.timestamp)
        try:
            await self._projection.project(fact, at_ms=event.occurred_ms or now_ms())
        except (KeyError, TypeError) as error:
            raise BadOrder(f"{event.event_type} {event.event_id}: {error!r}") from error
