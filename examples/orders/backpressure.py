"""Back-pressure: customers wait at the door while the orders that are in are not yet taken up."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from eventscope.errors import BrokerUnavailable
from examples.orders.broker import Broker

__all__ = ["Backpressure"]

LOOK_EVERY = 0.5
SHUT_ABOVE = 10_000
OPEN_BELOW = 5_000


class Backpressure:
    """``shut`` while the first consumer of orders is far behind; opens again at half of that."""

    def __init__(self) -> None:
        self.shut = False

    async def run(self, broker: Broker) -> None:
        while True:
            with suppress(BrokerUnavailable):  # the buses say that the broker is away
                self.note(await broker.unread_orders())
            await asyncio.sleep(LOOK_EVERY)

    def note(self, unread: int) -> None:
        self.shut = unread > (OPEN_BELOW if self.shut else SHUT_ABOVE)
