"""One member of one consumer group at work: read, handle, settle.

What a member has in hand runs through these steps, together bounded by `Transport.in_hand`:

1. read (or claimed) → queue
2. queue → a worker calls the handlers, `decide` names the outcome
3. outcome → settlement → `Settler`, which tells the broker in batches and waits out its outages
4. settled → out of hand

Until step 4 the entry is held (`Transport.hold`), so nobody takes it from a slow handler; a member
that dies holds nothing any more, and its peers claim what it had.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from eventscope.ending import end
from eventscope.errors import BrokerUnavailable, TransportError
from eventscope.handling import Handler
from eventscope.receipts import Counters
from eventscope.retry import Backoff, RetryPolicy
from eventscope.settler import Settler
from eventscope.transports.base import Delivery, GroupMoves, Member, Release, Settlement, Transport
from eventscope.waiting import is_set_within

__all__ = ["Consumer", "GroupOptions", "Process"]

log = logging.getLogger("eventscope.consumer")

# A read that brings few events is followed by a rest: in a steady stream one round trip then brings
# several, which costs each of them a few milliseconds at most.
_PACE = 0.003
_MOVES_LONG = 10
"""Tries of a group that is still moving until it is told as something that is wrong."""
_SOON = 0.02
"""Until the next entry is claimed while one is tried alone, as others may wait for their turn."""

Process = Callable[["Consumer", Delivery], Awaitable[Settlement | None]]


@dataclass
class GroupOptions:
    """What one group of a service subscribes to, and how it works."""

    name: str
    retry: RetryPolicy
    concurrency: int = 16
    from_start: bool = True
    topics: list[str] = field(default_factory=list)
    handlers: list[Handler] = field(default_factory=list)

    def handlers_for(self, event_type: str) -> list[Handler]:
        return [handler for handler in self.handlers if handler.accepts(event_type)]


class Consumer:
    """Runs until `stop`; survives every outage of the broker."""

    def __init__(
        self,
        transport: Transport,
        options: GroupOptions,
        instance: str,
        process: Process,
        counters: Counters,
        *,
        backoff: Backoff | None = None,
        block: float = 0.25,
    ) -> None:
        self.options = options
        self.member = Member(options.name, instance, tuple(dict.fromkeys(options.topics)))
        self.threads = ThreadPoolExecutor(options.concurrency, f"eventscope-{options.name}")
        self._counters = counters
        self._transport = transport
        self._process = process
        self._backoff = backoff or Backoff()
        self._block = block
        self._most = options.concurrency * transport.in_hand
        self._joined = False
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._in_hand: dict[tuple[str, str], Delivery] = {}
        self._room = asyncio.Event()
        self._stopping = asyncio.Event()
        self._settler = Settler(
            transport,
            self.member,
            self._settled,
            self._backoff,
            counters,
            batch=self._most // 4,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._workers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        loops = (self._read, self._claim, self._hold)
        self._settler.start()
        self._tasks = [loop.create_task(self._steadily(step)) for step in loops]
        self._workers = [loop.create_task(self._work()) for _ in range(self.options.concurrency)]

    async def stop(self, grace: float) -> None:
        """Read no more, finish what is begun within ``grace`` seconds, release what is not.

        What is still running then is cancelled and stays pending, to be claimed by a peer.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        self._stopping.set()
        self._room.set()
        self._release_queued()
        await end(self._tasks[:2], within=max(grace, self._block * 2))
        self._release_queued()
        for _ in self._workers:
            self._queue.put_nowait(_END)
        await end(self._workers, within=deadline - loop.time())
        await self._settler.stop(max(1.0, deadline - loop.time()))
        await end(self._tasks[2:])
        self.threads.shutdown(wait=False, cancel_futures=True)
        await self._leave()

    async def _steadily(self, step: Callable[[], Awaitable[None]]) -> None:
        """Repeat ``step``; when the broker fails, wait longer each time, then go on."""
        failures = moves = 0
        while not self._stopping.is_set():
            try:
                await step()
                failures = moves = 0
            except GroupMoves as error:
                moves += 1
                level = logging.WARNING if moves == _MOVES_LONG else logging.INFO
                log.log(level, "%s", error, extra={"action": "consumer-waits-for-group"})
                await self._pause(self._backoff.delay(moves))
            except TransportError as error:
                failures += 1
                self._counters.broker_failures += 1
                self._tell(error, failures)
                await self._pause(self._backoff.delay(failures))
            except Exception as error:  # noqa: BLE001 - a consumer must not fall silent
                failures += 1
                self._complain(error)
                await self._pause(self._backoff.delay(failures))

    async def _read(self) -> None:
        room = await self._wait_for_room()
        if self._stopping.is_set():
            return
        if not self._joined:
            await self._transport.join(self.member, from_start=self.options.from_start)
            self._joined = True
        count = max(1, room // len(self.member.topics))
        deliveries = await self._transport.read(self.member, count=count, wait=self._block)
        self._take(deliveries)
        if 0 < len(deliveries) < count:
            await asyncio.sleep(_PACE)

    async def _claim(self) -> None:
        policy = self.options.retry
        seldom = min(1.0, max(_SOON, min(policy.retry_delay, policy.claim_after) / 4))
        await self._pause(_SOON if self._tries_one_alone() else seldom)
        room = self._most - len(self._in_hand)
        if self._joined and room > 0 and not self._stopping.is_set():
            self._take(
                await self._transport.claim(
                    self.member,
                    retry_after=policy.retry_delay,
                    claim_after=policy.claim_after,
                    count=room,
                    suspects=0 if self._tries_one_alone() else 1,
                )
            )

    def _tries_one_alone(self) -> bool:
        return any(one.suspect for one in self._in_hand.values())

    async def _hold(self) -> None:
        """Also while stopping: what is being finished is still ours."""
        while True:
            await asyncio.sleep(self.options.retry.claim_after / 3)
            if self._in_hand:
                await self._transport.hold(self.member, list(self._in_hand.values()))

    async def _wait_for_room(self) -> int:
        """Free places; taken only when a quarter is free, so that reads stay batches."""
        while True:
            room = self._most - len(self._in_hand)
            if room * 4 >= self._most or self._stopping.is_set():
                return room
            self._room.clear()
            await self._room.wait()

    def _take(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            place = (delivery.topic, delivery.entry)
            if place not in self._in_hand:
                self._in_hand[place] = delivery
                self._queue.put_nowait(delivery)

    async def _work(self) -> None:
        while (delivery := await self._queue.get()) is not _END:
            settlement = await self._outcome(delivery)
            if settlement is None:
                self._settled([delivery])
            else:
                self._settler.add(settlement)

    async def _outcome(self, delivery: Delivery) -> Settlement | None:
        try:
            return await self._process(self, delivery)
        except Exception as error:  # noqa: BLE001 - a worker must not die; the entry stays pending
            self._complain(error)
            return None

    def _settled(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._in_hand.pop((delivery.topic, delivery.entry), None)
        self._room.set()

    def _release_queued(self) -> None:
        while not self._queue.empty():
            delivery = self._queue.get_nowait()
            if delivery is not _END:
                self._settler.add(Release(delivery))

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._transport.leave(self.member)
        except (TransportError, TimeoutError) as error:
            log.info("%s", error, extra={"action": "consumer-leave-failed"})

    async def _pause(self, seconds: float) -> None:
        """Sleep, but wake up to stop."""
        await is_set_within(self._stopping, seconds)

    def _complain(self, error: Exception) -> None:
        self._counters.internal_errors += 1
        log.error("%s", error, extra={"action": "consumer-failed"}, exc_info=error)

    def _tell(self, error: TransportError, failures: int) -> None:
        """Once an outage, not once a try; a refusal that is not an outage is an error."""
        if failures == 1:
            level = logging.WARNING if isinstance(error, BrokerUnavailable) else logging.ERROR
            log.log(level, "%s", error, extra={"action": "consumer-waits-for-broker"})


_END = Delivery("", "", None, (), 0)
