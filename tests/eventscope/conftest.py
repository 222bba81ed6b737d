"""Buses over all transports, short delays, everything closed again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from typing import Any

import pytest

from eventscope import Backoff, Event, EventBus, RetryPolicy
from eventscope.envelope import decode_event
from eventscope.transports import MemoryTransport, RedisTransport, Transport
from eventscope.transports.base import Delivery, Member
from eventscope.transports.memory import MemoryBroker
from tests.kafka.apart import KafkaApart
from tests.kafka.servers import ApacheKafka
from tests.servers import Valkey

MakeTransport = Callable[[], Transport]
MakeBus = Callable[..., EventBus]

_serial = count()
FAST = RetryPolicy(max_retries=2, retry_delay="60ms", claim_after="600ms")


@pytest.fixture(params=["memory", "redis", "kafka"])
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    """Makes connections to one and the same broker."""
    if request.param == "memory":
        broker = MemoryBroker()
        return lambda: MemoryTransport(broker)
    if request.param == "kafka":
        kafka: ApacheKafka = request.getfixturevalue("apache_kafka")
        prefix = f"test{next(_serial)}."
        return lambda: KafkaApart(kafka, prefix)
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
        found = await everything(transport, topic)
        return [decode_event(one.body or b"", topic=topic, position=one.entry) for one in found]

    yield read
    await transport.close()


async def everything(transport: Transport, topic: str) -> list[Delivery]:
    """All entries of a topic, from the first on."""
    if isinstance(transport, KafkaApart):
        return await transport.everything(topic)
    member = Member(f"reader-{time.monotonic_ns()}", "reader", (topic,))
    await transport.join(member, from_start=True)
    return await transport.read(member, count=10_000, wait=0.01)


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
