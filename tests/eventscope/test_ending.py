"""Tasks that are ended have ended, also those that a cancellation does not reach."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from eventscope import Event, EventBus, RetryPolicy, ending
from eventscope.ending import end
from eventscope.transports import MemoryTransport, RedisTransport
from eventscope.transports.base import Delivery, Member
from tests.eventscope.conftest import MakeBus, eventually
from tests.servers import Valkey


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_AGAIN", 0.05)


class Deaf:
    """Hears the cancellation after the first ``times``."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def run(self) -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.times -= 1
                if self.times < 0:
                    raise


async def test_task_that_loses_cancellations_is_ended() -> None:
    task = asyncio.create_task(Deaf(3).run())
    await asyncio.sleep(0)

    await end([task])

    assert task.cancelled()


async def test_task_that_resists_is_told_and_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    deaf = Deaf(1_000)
    task = asyncio.create_task(deaf.run())
    await asyncio.sleep(0)

    await end([task])

    assert not task.done()
    assert "1 tasks do not end" in caplog.text
    deaf.times = 0
    await end([task])


async def test_task_has_its_time_to_end_by_itself() -> None:
    task = asyncio.create_task(asyncio.sleep(0.05, "well"))

    await end([task], within=60)

    assert task.result() == "well"


async def test_what_a_task_raised_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("no such shelf")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)

    await end([task])

    assert "no such shelf" in caplog.text


async def test_loop_of_commands_to_redis_hears_its_one_cancellation(valkey: Valkey) -> None:
    """Before Python 3.12 its client loses more than half of these."""
    transport = RedisTransport(valkey.url)

    async def ask() -> None:
        while True:
            await transport.ping()

    for _ in range(200):
        task = asyncio.create_task(ask())
        await asyncio.sleep(0.002)
        task.cancel()
        await asyncio.wait([task], timeout=60)
        assert task.cancelled()
    await transport.close()


async def test_time_out_around_commands_to_redis_comes_in_time(valkey: Valkey) -> None:
    transport = RedisTransport(valkey.url)

    async def ask() -> None:
        async with asyncio.timeout(0.002):
            while True:
                await transport.ping()

    for _ in range(200):
        task = asyncio.create_task(ask())
        await asyncio.wait([task], timeout=60)
        assert task.done()
        assert isinstance(task.exception(), TimeoutError)
    await transport.ping()
    await transport.close()


class HoldsOn(MemoryTransport):
    """Loses the first cancellation of a hold."""

    lost = False
    holding = False

    async def hold(self, member: Member, deliveries: Sequence[Delivery]) -> None:
        self.holding = True
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if self.lost:
                raise
            self.lost = True


async def test_bus_stops_although_a_cancellation_is_lost() -> None:
    transport = HoldsOn()
    bus = EventBus(transport, source="stock", retry=RetryPolicy(claim_after="60ms"))

    @bus.subscribe("ORDER_CREATED", topic="orders")
    async def handle(event: Event) -> None:
        await asyncio.sleep(60)

    await bus.start()
    await bus.publish("ORDER_CREATED", topic="orders")
    await eventually(lambda: transport.holding)
    begun = time.monotonic()

    await asyncio.wait_for(bus.stop(0), 60)

    assert transport.lost
    assert time.monotonic() - begun < 30


async def test_bus_that_is_stopped_twice_releases_what_it_had_once(
    make_bus: MakeBus, caplog: pytest.LogCaptureFixture
) -> None:
    """Its first stop was cut short, as by a time-out of who called it."""
    bus = make_bus("inventory-service", retry=RetryPolicy(claim_after="60s"))

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        await asyncio.sleep(60)

    await bus.start()
    await bus.publish("ORDER_CREATED")
    stopping = asyncio.create_task(bus.stop("50s"))
    await asyncio.sleep(0.5)
    await end([stopping])

    await bus.stop(0)

    assert "unsettled" not in caplog.text
    assert bus.counters.refused == 0
