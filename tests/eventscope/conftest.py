"""Buses over both transports, short delays, everything closed again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from eventscope import Backoff, Event, EventBus, RetryPolicy
from eventscope.envelope import decode_event
from eventscope.transports import MemoryTransport, RedisTransport, Transport
from eventscope.transports.base import Member
from eventscope.transports.memory import MemoryBroker
from tests.servers import Valkey

MakeTransport = Callable[[], Transport]
MakeBus = Callable[..., EventBus]

FAST = RetryPolicy(max_retries=2, retry_delay="60ms", claim_after="600ms")


@pytest.fixture(params=["memory", "redis"])
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    """Makes connections to one and the same broker."""
    if request.param == "memory":
        broker = MemoryBroker()
        return lambda: MemoryTransport(broker)
    valkey: Valkey = request.getfixturevalue("valkey")
    return lambda: RedisTransport(valkey.url)


@pytest.fixture
async def make_bus(make_transport: MakeTransport) -> AsyncIterator[MakeBus]:
    """Makes buses that are stopped at the end of the test."""
    made: list[EventBus] = []

    def make(source: str = "test-service", **options: Any) -> EventBus:
        options.setdefault("retry", FAST)
        options.setdefault("read_wait", "30ms")
        options.setdefault("backoff", Backoff(0.01, 0.1))
        options.setdefault("default_topic", "orders-topic")
        bus = EventBus(options.pop("transport", None) or make_transport(), source=source, **options)
        made.append(bus)
        return bus

    yield make
    for bus in made:
        await bus.stop("1s")


@pytest.fixture
async def topic_events(
    make_transport: MakeTransport,
) -> AsyncIterator[Callable[[str], Awaitable[list[Event]]]]:
    """Reads all events of a topic, from the first on."""
    transport = make_transport()

    async def read(topic: str) -> list[Event]:
        member = Member(f"reader-{time.monotonic_ns()}", "reader", (topic,))
        await transport.join(member, from_start=True)
        found = await transport.read(member, count=10_000, wait=0.01)
        return [decode_event(one.body or b"", topic=topic, position=one.entry) for one in found]

    yield read
    await transport.close()


async def eventually(condition: Callable[[], Any], within: float = 60.0) -> None:
    """Until ``condition`` (or what it awaits) is true; fails after ``within`` seconds."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.01)
