"""Starting and stopping a bus, over every transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from eventscope import (
    BrokerUnavailable,
    Event,
    EventBus,
    RetryPolicy,
)
from tests.eventscope.conftest import MakeBus, eventually

Topic = Callable[[str], Awaitable[list[Event]]]


async def test_service_says_when_it_starts_and_stops(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    async with make_bus("order-service", version="2.1") as bus:
        pass

    started, stopped = await topic_events("system-events")
    assert (started.event_type, stopped.event_type) == ("ServiceStarted", "ServiceStopped")
    assert started.payload == stopped.payload
    assert set(started.payload) == {"service", "instance", "version", "host"}
    assert started.payload["service"] == "order-service"
    assert started.payload["instance"] == bus.instance
    assert started.payload["version"] == "2.1"


async def test_stopping_finishes_what_is_begun_and_releases_the_rest(make_bus: MakeBus) -> None:
    first, begun, handled = make_bus("inventory-service"), [], []
    gate = asyncio.Event()

    @first.subscribe("ORDER_CREATED", concurrency=2)
    async def slowly(event: Event) -> None:
        begun.append(event.payload)
        await gate.wait()
        handled.append(event.payload)

    await first.publish_many([first.event("ORDER_CREATED", n) for n in range(30)])
    await first.start()
    await eventually(lambda: len(begun) == 2)
    stopping = asyncio.create_task(first.stop("60s"))
    await asyncio.sleep(0.05)
    gate.set()
    await stopping
    finished = len(handled)

    second = make_bus("inventory-service", retry=RetryPolicy(retry_delay="1h", claim_after="1h"))
    attempts: list[int] = []

    @second.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        attempts.append(event.attempt)
        handled.append(event.payload)

    await second.start()
    await eventually(lambda: len(handled) >= 30)

    assert finished == 2
    assert sorted(handled) == list(range(30))
    assert set(attempts) == {1}


async def test_handler_still_running_after_the_grace_time_is_left_to_another(
    make_bus: MakeBus,
) -> None:
    policy = RetryPolicy(max_retries=2, retry_delay="20ms", claim_after="100ms")
    first, second = (make_bus("inventory-service", retry=policy) for _ in range(2))
    seen: list[int] = []

    @first.subscribe("ORDER_CREATED")
    async def hang(event: Event) -> None:
        seen.append(event.attempt)
        await asyncio.sleep(60)

    @second.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        seen.append(event.attempt)

    await first.publish("ORDER_CREATED")
    await first.start()
    await eventually(lambda: seen)
    await first.stop("50ms")
    await second.start()
    await eventually(lambda: second.counters.succeeded)

    assert seen == [1, 2]


async def test_hook_that_fails_to_stop_does_not_keep_the_bus_from_stopping(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus = make_bus()

    async def begin() -> None: ...

    async def fail() -> None:
        raise ValueError

    bus.attach(begin, fail)
    await bus.start()
    await bus.stop()

    assert bus.counters.internal_errors == 1
    assert (await topic_events("system-events"))[-1].event_type == "ServiceStopped"


async def test_hook_that_fails_to_start_stops_the_bus_again(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus = make_bus()

    async def fail() -> None:
        raise ValueError("no port")

    async def end() -> None: ...

    bus.attach(fail, end)
    with pytest.raises(ValueError, match="no port"):
        await bus.start()

    assert (await topic_events("system-events"))[-1].event_type == "ServiceStopped"


async def test_bus_can_be_started_again(make_bus: MakeBus) -> None:
    bus, seen = make_bus(), []
    bus.subscribe("ORDER_CREATED", lambda event: seen.append(event.payload))
    for number in range(2):
        await bus.start()
        await bus.publish("ORDER_CREATED", number)
        await eventually(lambda number=number: number in seen)
        await bus.stop()

    assert seen == [0, 1]


async def test_subscribing_after_the_start_is_refused(make_bus: MakeBus) -> None:
    bus = make_bus()
    await bus.start()

    with pytest.raises(RuntimeError, match="before the bus is started"):
        bus.subscribe("ORDER_CREATED", lambda event: None)
    with pytest.raises(RuntimeError, match="started already"):
        await bus.start()


async def test_new_group_can_begin_at_the_end_of_the_topic(make_bus: MakeBus) -> None:
    bus, seen = make_bus(), []
    await bus.publish("ORDER_CREATED", "old")

    @bus.subscribe("ORDER_CREATED", from_start=False)
    async def handle(event: Event) -> None:
        seen.append(event.payload)

    await bus.start()

    async def heard() -> bool:
        """It says nothing of when it has found the end: what comes later is heard for certain."""
        await bus.publish("ORDER_CREATED", "new")
        return bool(seen)

    await eventually(heard)

    assert set(seen) == {"new"}


async def test_unreachable_broker_fails_a_publish_after_its_timeout_only() -> None:
    bus = EventBus("redis://127.0.0.1:1/0", source="order-service", publish_timeout="100ms")
    begun = asyncio.get_running_loop().time()

    with pytest.raises(BrokerUnavailable):
        await bus.publish("ORDER_CREATED")

    assert 0.1 <= asyncio.get_running_loop().time() - begun < 60
    assert await bus.is_healthy() is False
    await bus.stop(0)
