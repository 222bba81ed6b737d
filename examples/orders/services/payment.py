"""PaymentService: charges what is reserved, through a circuit breaker, at a provider that may fail."""

from __future__ import annotations

from eventscope import CircuitBreaker, Event, EventBus, Skip
from examples.orders.shop import Shop

__all__ = ["PaymentService"]


class PaymentService:
    name = "payment-service"
    version = "3.1.4"
    concurrency = 32
    max_retries = 15

    def __init__(self, bus: EventBus, shop: Shop) -> None:
        self._bus, self._shop = bus, shop
        self.breaker = CircuitBreaker(
            "payment-provider",
            bus=bus,
            failure_threshold=5,
            reset_timeout=shop.breaker_reset,
            half_open_timeout="5s",
        )
        bus.subscribe("INVENTORY_UPDATED", self.charge)

    async def charge(self, event: Event) -> None:
        """Raises `ProviderTimeout` and `BreakerOpen`: both are tried again later."""
        reserved = event.payload
        if reserved["status"] != "reserved":
            raise Skip
        order_id, amount = reserved["orderId"], reserved["totalAmount"]
        charge = await self.breaker.call(self._shop.provider.charge, order_id, amount)
        payload = {
            "orderId": order_id,
            "customerId": reserved["customerId"],
            "amount": amount,
            "status": "captured" if charge.captured else "declined",
            "transactionId": charge.transaction_id,
        }
        await self._bus.publish("PAYMENT_PROCESSED", payload, key=order_id, version="1.0")
