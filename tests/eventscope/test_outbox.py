"""The outbox of a service whose broker is another than its store: what is stored is published."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from eventscope import BrokerUnavailable, ConcurrencyError, EventBus, TransportError, new_event
from eventscope.envelope import decode_event
from eventscope.health import CheckResult
from eventscope.outbox import OutboxRelay
from eventscope.retry import Backoff
from eventscope.sourcing import RedisEventStore
from eventscope.transports import MemoryTransport
from eventscope.transports.base import Outgoing
from eventscope.transports.memory import MemoryBroker
from tests.eventscope.conftest import eventually
from tests.servers import Valkey

TOPIC = "orders-topic"


class Choosy(MemoryTransport):
    """Refuses what ``unwanted`` says, as a broker refuses what is too large."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.unwanted: Callable[[Outgoing], bool] = lambda message: False

    async def append(self, messages: Sequence[Outgoing]) -> list[str | TransportError]:
        return [
            TransportError("too large") if self.unwanted(one) else (await super(Choosy, self).append([one]))[0]
            for one in messages
        ]  # fmt: skip


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker()


@pytest.fixture
async def store(valkey: Valkey) -> AsyncIterator[RedisEventStore]:
    made = RedisEventStore(
        valkey.url, "order", outbox=lambda event: event.payload, relayed=True, limit=10
    )
    yield made
    await made.close()


def make_bus(broker: MemoryBroker, instance: str = "one") -> EventBus:
    return EventBus(Choosy(broker), source="order-service", instance=instance, receipts=False)


def make_relay(bus: EventBus, store: RedisEventStore, lease: str = "10s") -> OutboxRelay:
    return OutboxRelay(bus, store.waiting, lease=lease, backoff=Backoff(cap=0.05))


def ids(broker: MemoryBroker) -> list[str]:
    return [decode_event(message.body).event_id for _, message in broker.topics[TOPIC].entries]


async def test_what_was_stored_is_published_in_order_with_its_key(
    store: RedisEventStore, broker: MemoryBroker
) -> None:
    events = [new_event(f"STEP_{number}", TOPIC) for number in range(6)]
    silent = new_event("STEP_SILENT", None)
    await store.append("ORD_1", [*events[:3], silent], expected_version=0)
    with pytest.raises(ConcurrencyError):
        await store.append("ORD_1", [new_event("STEP_X", TOPIC)], expected_version=0)
    bus = make_bus(broker)
    relay = make_relay(bus, store)
    async with bus:
        await store.append("ORD_1", events[3:])
        await eventually(lambda: relay.published == 6)
    assert ids(broker) == [event.event_id for event in events]
    assert {message.headers for _, message in broker.topics[TOPIC].entries} == {
        ((b"key", b"ORD_1"),)
    }
    assert await store.waiting.size() == 0
    assert len(await store.history("ORD_1")) == 7


async def test_events_wait_while_the_broker_is_away(
    store: RedisEventStore, broker: MemoryBroker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.reachable = False
    bus = make_bus(broker)
    make_relay(bus, store)
    events = [new_event("STEP", TOPIC) for _ in range(4)]
    async with bus:
        await store.append("ORD_1", events)
        await eventually(lambda: "outbox-waits-for-broker" in _actions(caplog))
        assert await store.waiting.size() == 4
        broker.reachable = True
        await eventually(lambda: _empty(store))
    assert ids(broker) == [event.event_id for event in events]


async def test_refused_event_is_laid_aside_and_can_be_put_back(
    store: RedisEventStore, broker: MemoryBroker, caplog: pytest.LogCaptureFixture
) -> None:
    events = [new_event(f"STEP_{number}", TOPIC) for number in range(3)]
    bus = make_bus(broker)
    bus.transport.unwanted = lambda message: b"STEP_1" in message.body  # type: ignore[attr-defined]
    relay = make_relay(bus, store)
    async with bus:
        await store.append("ORD_1", events)
        await eventually(lambda: relay.refused)
        await eventually(lambda: _empty(store))
        assert ids(broker) == [events[0].event_id, events[2].event_id]
        assert await store.waiting.refused() == 1
        assert "outbox-refused" in _actions(caplog)
        bus.transport.unwanted = lambda message: False  # type: ignore[attr-defined]
        assert await store.waiting.put_back() == 1
        await eventually(lambda: len(ids(broker)) == 3)
    assert ids(broker)[2] == events[1].event_id
    assert await store.waiting.refused() == 0


async def test_backlog_is_told_as_health(store: RedisEventStore, broker: MemoryBroker) -> None:
    bus = make_bus(broker)
    relay = OutboxRelay(bus, store.waiting, late="300ms")
    assert await relay.check() == CheckResult("healthy", "nothing waits")
    broker.reachable = False
    async with bus:
        await store.append("ORD_1", [new_event("STEP", TOPIC) for _ in range(3)])
        await eventually(lambda: _status(relay, "degraded"))
        status, said = await relay.check()
        assert said.startswith("3 waiting, the oldest for ")
        broker.reachable = True
        await eventually(lambda: _status(relay, "healthy"))


async def test_refused_events_are_told_as_health(
    store: RedisEventStore, broker: MemoryBroker
) -> None:
    bus = make_bus(broker)
    bus.transport.unwanted = lambda message: True  # type: ignore[attr-defined]
    relay = make_relay(bus, store)
    async with bus:
        await store.append("ORD_1", [new_event("STEP", TOPIC) for _ in range(2)])
        await eventually(lambda: relay.refused == 2)
        assert await relay.check() == CheckResult("degraded", "2 refused by the broker")
        bus.transport.unwanted = lambda message: False  # type: ignore[attr-defined]
        await store.waiting.put_back()
        await eventually(lambda: _status(relay, "healthy"))


async def test_beyond_the_limit_nothing_is_stored(store: RedisEventStore) -> None:
    await store.append("ORD_1", [new_event("STEP", TOPIC) for _ in range(9)])
    with pytest.raises(BrokerUnavailable, match="9 events wait"):
        await store.append("ORD_1", [new_event("STEP", TOPIC) for _ in range(2)])
    assert len(await store.history("ORD_1")) == 9
    assert await store.append("ORD_1", [new_event("STEP", TOPIC)]) == 10


async def test_one_relay_publishes_and_another_takes_over_when_it_dies(
    store: RedisEventStore, broker: MemoryBroker
) -> None:
    first, second = make_bus(broker, "one"), make_bus(broker, "two")
    dead, heir = make_relay(first, store, "1s"), make_relay(second, store, "1s")
    await first.start()
    await store.append("ORD_1", [new_event("STEP", TOPIC)])
    await eventually(lambda: dead.published)
    await second.start()
    await store.append("ORD_1", [new_event("STEP", TOPIC)])
    await eventually(lambda: _empty(store))
    assert (dead.published, heir.published) == (2, 0)
    dead._task.cancel()  # type: ignore[union-attr]  # it dies, and releases nothing
    await store.append("ORD_1", [new_event("STEP", TOPIC) for _ in range(3)])
    await eventually(lambda: heir.published == 3)
    await second.stop()
    await first.stop()
    stored = [one.event.event_id for one in await store.history("ORD_1")]
    assert ids(broker) == stored


async def test_relay_that_ends_leaves_the_lease_to_the_next(
    store: RedisEventStore, broker: MemoryBroker
) -> None:
    bus = make_bus(broker)
    make_relay(bus, store, "5m")
    async with bus:
        await store.append("ORD_1", [new_event("STEP", TOPIC)])
        await eventually(lambda: _empty(store))
    assert await store.waiting.lease("next", 1.0)
    assert not await store.waiting.lease("another", 1.0)


async def _status(relay: OutboxRelay, status: str) -> bool:
    return (await relay.check()).status == status


async def _empty(store: RedisEventStore) -> bool:
    return not await store.waiting.size()


def _actions(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {getattr(record, "action", "") for record in caplog.records}
