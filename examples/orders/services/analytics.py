"""AnalyticsService: counts turnover."""

from __future__ import annotations

from eventscope import Event, EventBus
from eventscope.errors import HandlerError
from examples.orders.provider import hash_share
from examples.orders.shop import Shop

__all__ = ["AnalyticsService", "ModelMissing"]

FAILING_SHARE = 0.1


class ModelMissing(HandlerError):
    """The turnover model of this customer's segment was not deployed."""


class AnalyticsService:
    name = "analytics-service"
    version = "0.9.7"
    concurrency = 16
    max_retries = 3

    def __init__(self, bus: EventBus, shop: Shop) -> None:
        self._bus, self._shop = bus, shop
        bus.subscribe("PAYMENT_PROCESSED", self.count)

    async def count(self, event: Event) -> None:
        """Raises `ModelMissing` for the same share of orders each time, while the fault is on."""
        paid = event.payload
        order_id = paid["orderId"]
        if self._shop.control.on("failing-handler") and hash_share(order_id) < FAILING_SHARE:
            raise ModelMissing(f"turnover-v7 has no segment for {paid['customerId']}")
        await self._shop.work(2)
        taken = paid["amount"] if paid["status"] == "captured" else 0.0
        payload = {"orderId": order_id, "metric": "turnover", "value": taken}
        await self._bus.publish("AnalyticsUpdated", payload, key=order_id, version="1.0")
