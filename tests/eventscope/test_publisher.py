"""Appending: batched, in order, patient with a broker that is away, bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from eventscope import Backoff, BrokerUnavailable, EnvelopeError, EventBus, TransportError
from eventscope.publisher import Publisher
from eventscope.transports import MemoryTransport
from eventscope.transports.base import Outgoing
from tests.eventscope.conftest import eventually
from tests.servers import Valkey

QUICK = Backoff(0.005, 0.02)


class Watched(MemoryTransport):
    """A memory broker that notes the sizes of appends and fails them on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.errors: list[Exception] = []
        self.answer_lost = False

    async def append(self, messages: Sequence[Outgoing]) -> list[str | TransportError]:
        self.sizes.append(len(messages))
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop()
        answers = await super().append(messages)
        if self.answer_lost:
            self.answer_lost = False
            raise BrokerUnavailable("the connection broke")
        return answers

    def bodies(self) -> list[bytes]:
        return [message.body for _, message in self.broker.topics["orders"].entries]


def message(number: int) -> Outgoing:
    return Outgoing("orders", b"%d" % number)


async def test_what_is_published_at_once_shares_a_round_trip() -> None:
    transport = Watched()
    publisher = Publisher(transport, batch=50)

    await asyncio.gather(*(publisher.append([message(n)]) for n in range(120)))

    assert transport.sizes == [50, 50, 20]
    assert transport.bodies() == [b"%d" % n for n in range(120)]


async def test_order_is_kept_through_an_outage() -> None:
    transport = Watched()
    transport.broker.reachable = False
    publisher = Publisher(transport, backoff=QUICK, batch=10)
    work = [asyncio.create_task(publisher.append([message(n)])) for n in range(40)]
    await eventually(lambda: publisher.failures > 2)
    transport.broker.reachable = True
    await asyncio.gather(*work)

    assert transport.bodies() == [b"%d" % n for n in range(40)]


async def test_append_whose_answer_was_lost_is_repeated() -> None:
    transport = Watched()
    transport.answer_lost = True

    await Publisher(transport, backoff=QUICK).append([message(1)])

    assert transport.bodies() == [b"1", b"1"]


async def test_waiting_ends_with_the_timeout_for_those_behind_too() -> None:
    transport = Watched()
    transport.broker.reachable = False
    publisher = Publisher(transport, backoff=QUICK, timeout=1, batch=1)
    begun = asyncio.get_running_loop().time()

    results = await asyncio.gather(
        *(publisher.append([message(n)]) for n in range(20)), return_exceptions=True
    )

    assert all(isinstance(result, BrokerUnavailable) for result in results)
    assert asyncio.get_running_loop().time() - begun < 10


async def test_queue_of_waiting_events_is_bounded() -> None:
    transport = Watched()
    transport.broker.reachable = False
    publisher = Publisher(transport, backoff=QUICK, timeout=0.1, max_waiting=5, batch=1)
    work = [asyncio.create_task(publisher.append([message(n)])) for n in range(5)]
    await asyncio.sleep(0.01)
    work += [asyncio.create_task(publisher.append([message(9)]))]
    await asyncio.sleep(0.01)
    waiting = len(publisher._waiting)
    results = await asyncio.gather(*work, return_exceptions=True)

    assert waiting <= 5
    assert all(isinstance(result, BrokerUnavailable) for result in results)


async def test_cancelled_publish_is_not_sent() -> None:
    transport = Watched()
    transport.broker.reachable = False
    publisher = Publisher(transport, backoff=QUICK, batch=1)
    first = asyncio.create_task(publisher.append([message(1)]))
    second = asyncio.create_task(publisher.append([message(2)]))
    await asyncio.sleep(0.02)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    transport.broker.reachable = True
    await first
    await publisher.drain(1)

    assert transport.bodies() == [b"1"]


async def test_draining_fails_what_could_not_be_sent() -> None:
    transport = Watched()
    transport.broker.reachable = False
    publisher = Publisher(transport, backoff=QUICK)
    work = asyncio.create_task(publisher.append([message(1)]))
    await asyncio.sleep(0.02)
    await publisher.drain(0.02)

    with pytest.raises(BrokerUnavailable, match="the bus stopped"):
        await work


async def test_unforeseen_error_reaches_those_who_wait() -> None:
    transport = Watched()
    transport.errors = [ZeroDivisionError("surprise")]
    publisher = Publisher(transport)

    with pytest.raises(TransportError, match="ZeroDivisionError: surprise"):
        await publisher.append([message(1)])
    await publisher.append([message(2)])

    assert transport.bodies() == [b"2"]


@pytest.mark.parametrize("options", [{"key": "\ud800"}, {"topic": "\ud800"}])
async def test_name_that_is_no_unicode_is_the_publishers_own_error(
    options: dict[str, str],
) -> None:
    bus = EventBus("memory://", source="order-service")

    with pytest.raises(EnvelopeError):
        await bus.publish("ORDER_CREATED", **options)


async def test_broker_out_of_memory_is_waited_for(valkey: Valkey) -> None:
    bus = EventBus(valkey.url, source="order-service", backoff=QUICK, receipts=False)
    with valkey.client() as client:
        client.config_set("maxmemory", 1)
        try:
            work = asyncio.create_task(bus.publish("ORDER_CREATED"))
            await asyncio.sleep(0.1)
            early = work.done()
        finally:
            client.config_set("maxmemory", "1gb")
    event = await work
    await bus.stop()

    assert early is False
    assert event.position
