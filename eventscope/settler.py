"""Tells the broker what became of entries: in batches, again and again until it has heard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from eventscope.ending import end
from eventscope.errors import BrokerUnavailable, TransportError
from eventscope.receipts import Counters
from eventscope.retry import Backoff
from eventscope.transports.base import Delivery, GroupMoves, Member, Settlement, Transport
from eventscope.waiting import is_set_within

__all__ = ["Settler"]

log = logging.getLogger("eventscope.settler")


# Events that end within this time share a round trip, unless a batch is full before.
_GATHER = 0.005


class Settler:
    """Bounded by what its consumer has in hand: an entry is added once and leaves when settled."""

    def __init__(
        self,
        transport: Transport,
        member: Member,
        settled: Callable[[Sequence[Delivery]], None],
        backoff: Backoff,
        counters: Counters,
        *,
        batch: int,
    ) -> None:
        self._transport = transport
        self._member = member
        self._settled = settled
        self._backoff = backoff
        self._counters = counters
        self._batch = batch
        self._waiting: list[Settlement] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    def add(self, settlement: Settlement) -> None:
        self._waiting.append(settlement)
        self._idle.clear()
        if len(self._waiting) >= self._batch:
            self._wake.set()
        elif len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(_GATHER, self._wake.set)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self, grace: float) -> None:
        """Settle what is left within ``grace`` seconds; the rest stays pending at the broker."""
        if not await is_set_within(self._idle, grace):
            log.warning("entries are left unsettled", extra={"action": "settler-stop-late"})
        if self._task is not None:
            await end([self._task])

    async def _run(self) -> None:
        failures = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            while batch:
                try:
                    await self._settle(batch)
                except GroupMoves:  # its consumer tells of it
                    await asyncio.sleep(self._backoff.delay(1))
                except BrokerUnavailable as error:
                    failures += 1
                    await self._wait(error, failures)
                else:
                    failures = 0
                    batch = []
            if not self._waiting:
                self._idle.set()

    async def _settle(self, batch: Sequence[Settlement]) -> None:
        """What the broker refuses for good is let go of: pending, it is claimed and tried again."""
        try:
            answers = await self._transport.settle(self._member, batch)
        except BrokerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a settler that ends would stall its consumer
            answers = [TransportError(f"{type(error).__name__}: {error}") for _ in batch]
        for answer in answers:
            if isinstance(answer, TransportError):
                self._counters.refused += 1
                log.error("%s", answer, extra={"action": "settlement-refused"})
        self._settled([item.delivery for item in batch])

    async def _wait(self, error: TransportError, failures: int) -> None:
        if failures == 1:
            log.warning("%s", error, extra={"action": "settler-waits-for-broker"})
        await asyncio.sleep(self._backoff.delay(failures))
