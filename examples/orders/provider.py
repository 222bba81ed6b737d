"""The payment provider that PaymentService depends on: somebody else's, and not always there."""

from __future__ import annotations

import asyncio
import random
import time
import zlib
from typing import NamedTuple

from eventscope.errors import HandlerError
from examples.orders.control import Control

__all__ = ["Charge", "PaymentProvider", "ProviderTimeout", "hash_share", "in_outage"]

SLOT = 300.0
FIRST_OUTAGE = (25.0, 34.0)
TIMEOUT = 0.25
MEDIAN_LATENCY = 0.028


class ProviderTimeout(HandlerError):
    """The payment provider did not answer in time."""


class Charge(NamedTuple):
    transaction_id: str
    captured: bool


class PaymentProvider:
    """Answers within tens of milliseconds, mostly. Same order, same answer: charging is idempotent.

    ``trouble`` False leaves out timeouts, declined cards and outages, for measuring and tests.
    """

    def __init__(self, control: Control, *, trouble: bool = True, seed: int | None = None) -> None:
        self._control = control
        self._trouble = trouble
        self._chance = random.Random(seed)
        self._began = time.monotonic()

    async def charge(self, order_id: str, amount: float) -> Charge:
        """Raises `ProviderTimeout`."""
        if self._is_down() or (self._trouble and self._chance.random() < 0.005):
            await asyncio.sleep(TIMEOUT)
            raise ProviderTimeout(
                f"POST /v1/charges for {order_id}: no answer within {TIMEOUT * 1000:.0f} ms"
            )
        await asyncio.sleep(self._chance.lognormvariate(0, 0.45) * MEDIAN_LATENCY)
        declined = self._trouble and hash_share(order_id) < 0.01
        return Charge(f"txn_{order_id.removeprefix('ORD_').lower()}", captured=not declined)

    def _is_down(self) -> bool:
        if self._control.on("provider-down"):
            return True
        return self._trouble and in_outage(time.monotonic() - self._began)


def in_outage(running: float) -> bool:
    """Whether the provider is away, ``running`` seconds after the start: about 10 s in five minutes."""
    slot = int(running // SLOT)
    if slot == 0:
        return FIRST_OUTAGE[0] <= running < FIRST_OUTAGE[1]
    chance = random.Random(slot)
    begin = slot * SLOT + chance.uniform(20.0, SLOT - 40.0)
    return begin <= running < begin + chance.uniform(8.0, 13.0)


def hash_share(text: str) -> float:
    """A share from 0 to 1 that is always the same for the same text."""
    return zlib.crc32(text.encode()) / 2**32
