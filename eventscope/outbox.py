"""An outbox in Redis: what a service has stored waits here until another broker has taken it.

`eventscope.sourcing.RedisEventStore` fills it in the step that stores, `OutboxRelay` empties it. Pattern:
https://microservices.io/patterns/data/transactional-outbox.html
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from eventscope.durations import parse_duration
from eventscope.ending import end
from eventscope.errors import BrokerUnavailable, TransportError
from eventscope.health import CheckResult
from eventscope.retry import Backoff
from eventscope.transports.base import Outgoing, Transport
from eventscope.transports.redis import RedisTransport
from eventscope.waiting import is_set_within

__all__ = ["Backlog", "OutboxRelay", "RedisOutbox", "RelayBus", "Waiting"]

log = logging.getLogger("eventscope.outbox")

_LEASE = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1"
_REFUSE = """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 2))
return 1
"""
_PUT_BACK = """
local rows = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', ARGV[1])
for _, row in ipairs(rows) do
  redis.call('XADD', KEYS[1], '*', unpack(row[2], 1, 6))
  redis.call('XDEL', KEYS[2], row[1])
end
return #rows
"""
_STATE = """
local row = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local age = 0
if row then
  local now = redis.call('TIME')
  age = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(string.match(row[1], '^%d+'))
end
return {redis.call('XLEN', KEYS[1]), redis.call('XLEN', KEYS[2]), math.max(0, age)}
"""
_AT_ONCE = 500
_GRACE = 2.0


class Waiting(NamedTuple):
    """An event that is to be published, and its place in the outbox."""

    entry: bytes
    message: Outgoing


class Backlog(NamedTuple):
    """What an outbox holds: events that wait and that were refused, and the seconds the oldest waits."""

    waiting: int
    refused: int
    age: float


class RedisOutbox:
    """The events of one kind of entity that wait, oldest first, and those that were refused.

    One relay has the lease at a time, so what waits is published in its order.
    """

    def __init__(self, redis: RedisTransport, kind: str) -> None:
        self._redis = redis
        self.key = f"eventscope:outbox:{kind}"
        self.refused_key = f"{self.key}:refused"

    async def lease(self, owner: str, seconds: float) -> bool:
        """Take the lease, or have it for longer; False while it is another's."""
        words = (owner, max(1, round(seconds * 1000)))
        return bool(await self._redis.script(_LEASE, [f"{self.key}:lease"], *words))

    async def release(self, owner: str) -> None:
        await self._redis.script(_RELEASE, [f"{self.key}:lease"], owner)

    async def oldest(self, *, count: int, wait: float) -> list[Waiting]:
        """Up to ``count``; ``wait`` seconds at most until there is one."""
        block = max(1, round(wait * 1000))
        command = ("XREAD", "COUNT", count, "BLOCK", block, "STREAMS", self.key, "0")
        reply = await self._redis.command(*command)
        return [_waiting(*row) for _, rows in reply or () for row in rows]

    async def remove(self, entries: Sequence[bytes]) -> None:
        """These were published."""
        if entries:
            await self._redis.command("XDEL", self.key, *entries)

    async def refuse(self, waiting: Waiting, reason: str) -> None:
        """Lay it aside with the reason, once; see `put_back`."""
        message = waiting.message
        fields = ["topic", message.topic, "event", message.body]
        fields += [part for header in message.headers for part in header]
        keys = [self.key, self.refused_key]
        await self._redis.script(_REFUSE, keys, waiting.entry, *fields, "reason", reason)

    async def put_back(self) -> int:
        """Let everything that was refused be tried again; how many."""
        done, keys = 0, [self.key, self.refused_key]
        while moved := int(await self._redis.script(_PUT_BACK, keys, _AT_ONCE)):
            done += moved
        return done

    async def size(self) -> int:
        """How many wait."""
        return int(await self._redis.command("XLEN", self.key))

    async def refused(self) -> int:
        return int(await self._redis.command("XLEN", self.refused_key))

    async def backlog(self) -> Backlog:
        """All of it at one moment, by the clock of the Redis."""
        waiting, refused, age_ms = await self._redis.script(_STATE, [self.key, self.refused_key])
        return Backlog(waiting, refused, age_ms / 1000)


class RelayBus(Protocol):
    """What the relay needs of the bus."""

    transport: Transport

    @property
    def instance(self) -> str: ...

    def attach(
        self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
    ) -> None: ...


class OutboxRelay:
    """Publishes what waits in ``outbox`` through ``bus``; starts and stops with it.

    Every process of a service may have one: that which has the lease publishes, another takes over
    ``lease`` after its death, at once after its end. At least once, in order: a relay that dies between
    an answer of the broker and its note publishes those again, with the same ids. While the broker is
    away everything waits; what it refuses for good is laid aside with the reason and told in the log.
    """

    def __init__(
        self,
        bus: RelayBus,
        outbox: RedisOutbox,
        *,
        lease: str | float = "10s",
        batch: int = 200,
        backoff: Backoff | None = None,
        late: str | float = "1m",
    ) -> None:
        self._bus = bus
        self._outbox = outbox
        self._lease = parse_duration(lease)
        self._late = parse_duration(late)
        self._batch = batch
        self._backoff = backoff or Backoff()
        self._owner = f"{bus.instance}:{uuid.uuid4().hex}"
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._failures = 0
        self.published = 0
        self.refused = 0
        bus.attach(self.start, self.stop)

    async def start(self) -> None:
        self._stopping.clear()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """What the broker has in hand is finished, if it takes no longer than `_GRACE`; another relay may go
        on at once."""
        self._stopping.set()
        if self._task is not None:
            await end([self._task], within=_GRACE)
            self._task = None
        try:
            await self._outbox.release(self._owner)
        except TransportError as error:
            log.warning("%s", error, extra={"action": "outbox-release-failed"})

    async def check(self) -> CheckResult:
        """For a `HealthReporter`: degraded where an event waits longer than ``late``, or was refused."""
        backlog = await self._outbox.backlog()
        behind = backlog.refused or backlog.age > self._late
        return CheckResult("degraded" if behind else "healthy", _told(backlog))

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if await self._outbox.lease(self._owner, self._lease):
                    await self._publish_oldest()
                else:
                    await self._pause(self._lease / 3)
            except BrokerUnavailable as error:
                await self._wait_out(error)
            except Exception as error:
                log.error("%s", error, extra={"action": "outbox-failed"}, exc_info=error)
                await self._wait_out(BrokerUnavailable(str(error)), told=True)

    async def _publish_oldest(self) -> None:
        wait = min(0.25, self._lease / 3)
        waiting = await self._outbox.oldest(count=self._batch, wait=wait)
        if not waiting:
            return
        answers = await self._held(self._bus.transport.append([one.message for one in waiting]))
        told = list(zip(waiting, answers, strict=True))
        taken = [one.entry for one, answer in told if isinstance(answer, str)]
        await self._outbox.remove(taken)
        self.published += len(taken)
        for one, answer in told:
            if isinstance(answer, BrokerUnavailable):
                continue
            if isinstance(answer, TransportError):
                await self._refuse(one, answer)
        gone = next((each for _, each in told if isinstance(each, BrokerUnavailable)), None)
        if gone is not None:
            raise gone
        self._failures = 0

    async def _held(
        self, appending: Awaitable[list[str | TransportError]]
    ) -> list[str | TransportError]:
        """The answers; the lease is kept while the broker takes its time."""
        task = asyncio.ensure_future(appending)
        try:
            while not (await asyncio.wait({task}, timeout=self._lease / 3))[0]:
                with suppress(TransportError):  # what is being appended is not given up for it
                    await self._outbox.lease(self._owner, self._lease)
            return task.result()
        finally:
            task.cancel()

    async def _refuse(self, waiting: Waiting, error: TransportError) -> None:
        await self._outbox.refuse(waiting, str(error))
        self.refused += 1
        log.error(
            "an event of the outbox was refused and laid aside: %s",
            error,
            extra={"action": "outbox-refused", "topic": waiting.message.topic},
        )

    async def _wait_out(self, error: BrokerUnavailable, *, told: bool = False) -> None:
        self._failures += 1
        if self._failures == 1 and not told:
            log.warning("%s", error, extra={"action": "outbox-waits-for-broker"})
        await self._pause(self._backoff.delay(self._failures))

    async def _pause(self, seconds: float) -> None:
        """Shorter when it is time to stop."""
        await is_set_within(self._stopping, seconds)


def _told(backlog: Backlog) -> str:
    said = []
    if backlog.waiting:
        said.append(f"{backlog.waiting} waiting, the oldest for {backlog.age:.0f} s")
    if backlog.refused:
        said.append(f"{backlog.refused} refused by the broker")
    return "; ".join(said) or "nothing waits"


def _waiting(entry: bytes, fields: Sequence[bytes]) -> Waiting:
    told = dict(zip(fields[::2], fields[1::2], strict=True))
    message = Outgoing(told[b"topic"].decode(), told[b"event"], ((b"key", told[b"key"]),))
    return Waiting(entry, message)
