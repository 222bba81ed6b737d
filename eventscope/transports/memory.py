"""A broker in this process, for tests and for trying things out; it forgets when the process ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from eventscope.errors import BrokerUnavailable, TransportError
from eventscope.transports.base import (
    Ack,
    DeadLetter,
    Delivery,
    Member,
    Outgoing,
    Release,
    Retry,
    Settlement,
)
from eventscope.waiting import is_set_within

__all__ = ["MemoryBroker", "MemoryTransport"]


@dataclass
class _Pending:
    """``owner`` is None while the entry waits for its next attempt."""

    owner: str | None
    since: float
    deliveries: int


@dataclass
class _Group:
    next_index: int
    pending: dict[int, _Pending] = field(default_factory=dict)
    failures: dict[int, int] = field(default_factory=dict)


@dataclass
class _Topic:
    entries: list[tuple[str, Outgoing]] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)
    groups: dict[str, _Group] = field(default_factory=dict)


class MemoryBroker:
    """What several transports of one process share. ``reachable`` = False plays an outage."""

    def __init__(self) -> None:
        self.reachable = True
        self.lock = threading.Lock()
        self.topics: dict[str, _Topic] = defaultdict(_Topic)
        self.waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._last = (0, 0)

    def append(self, message: Outgoing) -> str:
        now = time.time_ns() // 1_000_000
        ms, sequence = self._last
        self._last = (now, 0) if now > ms else (ms, sequence + 1)
        entry = f"{self._last[0]}-{self._last[1]}"
        topic = self.topics[message.topic]
        topic.index[entry] = len(topic.entries)
        topic.entries.append((entry, message))
        for loop, event in self.waiters:
            loop.call_soon_threadsafe(event.set)
        return entry

    def group(self, topic: str, name: str) -> _Group:
        """The group, from the first entry on where it was not made by `MemoryTransport.join`."""
        return self.topics[topic].groups.setdefault(name, _Group(next_index=0))


class MemoryTransport:
    """One member's or publisher's connection to a `MemoryBroker`."""

    in_hand = 4

    def __init__(self, broker: MemoryBroker | None = None) -> None:
        self.broker = broker or MemoryBroker()

    async def open(self) -> None:
        self._check()

    async def close(self) -> None:
        return None

    async def ping(self) -> None:
        self._check()

    async def append(self, messages: Sequence[Outgoing]) -> list[str | TransportError]:
        self._check()
        with self.broker.lock:
            return [self.broker.append(message) for message in messages]

    async def join(self, member: Member, *, from_start: bool) -> None:
        self._check()
        with self.broker.lock:
            for name in member.topics:
                topic = self.broker.topics[name]
                start = 0 if from_start else len(topic.entries)
                topic.groups.setdefault(member.group, _Group(next_index=start))

    async def read(self, member: Member, *, count: int, wait: float) -> list[Delivery]:
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        waiter = (loop, event)
        with self.broker.lock:
            self.broker.waiters.add(waiter)
        try:
            found = self._fresh(member, count)
            if not found:
                await is_set_within(event, wait)
                found = self._fresh(member, count)
            return found
        finally:
            with self.broker.lock:
                self.broker.waiters.discard(waiter)

    async def claim(
        self,
        member: Member,
        *,
        retry_after: float,
        claim_after: float,
        count: int,
        suspects: int = 1,
    ) -> list[Delivery]:
        self._check()
        now = time.monotonic()
        found: list[Delivery] = []
        with self.broker.lock:
            for name in member.topics:
                group = self.broker.group(name, member.group)
                for index, pending in sorted(group.pending.items()):
                    wait = retry_after if pending.owner is None else claim_after
                    suspect = pending.owner is not None and pending.deliveries > 1
                    full = len(found) >= count or (suspect and suspects < 1)
                    if now - pending.since >= wait and not full:
                        suspects -= suspect
                        found.append(self._deliver(name, group, index, member))
        return found

    async def hold(self, member: Member, deliveries: Sequence[Delivery]) -> None:
        self._check()
        with self.broker.lock:
            for delivery in deliveries:
                if (pending := self._mine(member, delivery)) is not None:
                    pending.since = time.monotonic()

    async def settle(
        self, member: Member, settlements: Sequence[Settlement]
    ) -> list[bool | TransportError]:
        self._check()
        with self.broker.lock:
            return [self._settle(member, item) for item in settlements]

    async def first_failed_ms(self, member: Member, delivery: Delivery) -> int | None:
        self._check()
        group, index = self._place(member, delivery)
        return group.failures.get(index)

    async def leave(self, member: Member) -> None:
        self._check()

    def _check(self) -> None:
        if not self.broker.reachable:
            raise BrokerUnavailable

    def _fresh(self, member: Member, count: int) -> list[Delivery]:
        self._check()
        found: list[Delivery] = []
        with self.broker.lock:
            for name in member.topics:
                group = self.broker.group(name, member.group)
                end = min(group.next_index + count, len(self.broker.topics[name].entries))
                found += [
                    self._deliver(name, group, index, member)
                    for index in range(group.next_index, end)
                ]
                group.next_index = end
        return found

    def _deliver(self, topic: str, group: _Group, index: int, member: Member) -> Delivery:
        before = group.pending.get(index)
        attempt = before.deliveries + 1 if before else 1
        group.pending[index] = _Pending(member.name, time.monotonic(), attempt)
        entry, message = self.broker.topics[topic].entries[index]
        taken_over = before is not None and before.owner is not None
        return Delivery(topic, entry, message.body, message.headers, attempt, taken_over)

    def _place(self, member: Member, delivery: Delivery) -> tuple[_Group, int]:
        topic = self.broker.topics[delivery.topic]
        return self.broker.group(delivery.topic, member.group), topic.index[delivery.entry]

    def _mine(self, member: Member, delivery: Delivery) -> _Pending | None:
        group, index = self._place(member, delivery)
        pending = group.pending.get(index)
        return pending if pending is not None and pending.owner == member.name else None

    def _settle(self, member: Member, item: Settlement) -> bool:
        group, index = self._place(member, item.delivery)
        if isinstance(item, Ack):
            group.pending.pop(index, None)
            group.failures.pop(index, None)
            return True
        pending = self._mine(member, item.delivery)
        if pending is None:
            return False
        if isinstance(item, DeadLetter):
            self.broker.append(item.letter)
            del group.pending[index]
            group.failures.pop(index, None)
        elif isinstance(item, Retry):
            pending.owner, pending.since = None, time.monotonic()
            group.failures.setdefault(index, item.failed_ms)
        elif isinstance(item, Release):
            pending.owner, pending.since = None, float("-inf")
            pending.deliveries -= 1
        return True
