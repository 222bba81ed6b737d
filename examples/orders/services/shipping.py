"""ShippingService: sends what is paid, if it knows where to."""

from __future__ import annotations

import zlib

from eventscope import Event, EventBus, Skip
from eventscope.errors import HandlerError
from examples.orders.customers import is_address_known
from examples.orders.shop import Shop

__all__ = ["AddressNotFound", "ShippingService"]

CARRIERS = ("Northpost", "Swift & Sons", "Pigeon Express")


class AddressNotFound(HandlerError):
    """The customer's address is not in the address book."""


class ShippingService:
    name = "shipping-service"
    version = "1.8.1"
    concurrency = 16
    max_retries = 3

    def __init__(self, bus: EventBus, shop: Shop) -> None:
        self._bus, self._shop = bus, shop
        bus.subscribe("PAYMENT_PROCESSED", self.ship)

    async def ship(self, event: Event) -> None:
        """Raises `AddressNotFound`."""
        paid = event.payload
        if paid["status"] != "captured":
            raise Skip
        await self._shop.work(9)
        look_up_address(paid["customerId"])
        order_id = paid["orderId"]
        number = zlib.crc32(order_id.encode())
        payload = {
            "orderId": order_id,
            "customerId": paid["customerId"],
            "carrier": CARRIERS[number % len(CARRIERS)],
            "trackingNumber": f"TRK{number:010d}",
        }
        await self._bus.publish("OrderShipped", payload, key=order_id, version="1.0")


def look_up_address(customer_id: str) -> None:
    if not is_address_known(customer_id):
        raise AddressNotFound(f"{customer_id} has no address in the address book")
