"""Event sourcing: one suite over memory and Redis, and what only Redis does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from eventscope import ConcurrencyError, Event, TransportError, new_event
from eventscope.envelope import decode_event
from eventscope.sourcing import (
    Entities,
    EventStore,
    MemoryEventStore,
    RedisEventStore,
    Snapshot,
)
from eventscope.transports import RedisTransport
from tests.servers import Valkey

Order = dict[str, Any]


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[EventStore]:
    if request.param == "memory":
        yield MemoryEventStore()
        return
    made = RedisEventStore(request.getfixturevalue("valkey").url, "order")
    yield made
    await made.close()


def reduce(order: Order, event: Event) -> Order:
    if event.event_type == "ITEM_ADDED":
        return {**order, "items": [*order["items"], event.payload]}
    return {**order, "status": event.payload}


def initial() -> Order:
    return {"status": "new", "items": []}


def item(name: str) -> Event:
    return new_event("ITEM_ADDED", name, source="order-service")


async def test_history_is_what_was_appended_in_order(store: EventStore) -> None:
    events = [item("a"), item("b"), item("c")]

    assert await store.append("ORD_1", events[:2], expected_version=0) == 2
    assert await store.append("ORD_1", events[2:], expected_version=2) == 3
    history = await store.history("ORD_1")

    assert [stored.version for stored in history] == [1, 2, 3]
    assert [stored.event.event_id for stored in history] == [event.event_id for event in events]
    assert [stored.event.payload for stored in await store.history("ORD_1", after=1)] == ["b", "c"]
    assert [one.version for one in await store.history("ORD_1", after=1, until=2)] == [2]
    assert await store.history("ORD_2") == []


async def test_append_to_a_changed_entity_is_refused_as_a_whole(store: EventStore) -> None:
    await store.append("ORD_1", [item("a")], expected_version=0)

    with pytest.raises(ConcurrencyError, match="ORD_1 is at version 1, not 0"):
        await store.append("ORD_1", [item("b"), item("c")], expected_version=0)

    assert len(await store.history("ORD_1")) == 1
    assert await store.append("ORD_1", [item("d")]) == 2


async def test_of_many_concurrent_appends_one_wins(store: EventStore) -> None:
    results = await asyncio.gather(
        *(store.append("ORD_1", [item(str(n))], expected_version=0) for n in range(20)),
        return_exceptions=True,
    )

    assert results.count(1) == 1
    assert sum(isinstance(result, ConcurrencyError) for result in results) == 19


async def test_state_is_rebuilt_as_it_is_and_as_it_was(store: EventStore) -> None:
    orders = Entities(store, reduce, initial)
    await store.append("ORD_1", [item("a"), item("b"), new_event("ORDER_PAID", "paid")])

    now, before = await orders.load("ORD_1"), await orders.load("ORD_1", at_version=1)

    assert now == ("ORD_1", 3, {"status": "paid", "items": ["a", "b"]})
    assert before == ("ORD_1", 1, {"status": "new", "items": ["a"]})
    assert await orders.load("ORD_9") == ("ORD_9", 0, initial())


async def test_concurrent_changes_are_decided_again_and_none_is_lost(store: EventStore) -> None:
    orders = Entities(store, reduce, initial)

    await asyncio.gather(
        *(orders.change("ORD_1", lambda _, n=n: [item(str(n))], tries=20) for n in range(10))
    )

    order = await orders.load("ORD_1")
    assert sorted(order.state["items"]) == [str(n) for n in range(10)]


async def test_change_that_decides_on_nothing_changes_nothing(store: EventStore) -> None:
    orders = Entities(store, reduce, initial)

    entity, events = await orders.change("ORD_1", lambda order: [])

    assert (entity.version, events) == (0, [])


async def test_error_of_a_decision_is_raised_and_nothing_is_appended(store: EventStore) -> None:
    def decide(order: Order) -> list[Event]:
        raise ValueError("the order is closed")

    with pytest.raises(ValueError, match="closed"):
        await Entities(store, reduce, initial).change("ORD_1", decide)

    assert await store.history("ORD_1") == []


async def test_change_gives_up_after_its_tries(store: EventStore) -> None:
    orders = Entities(store, reduce, initial)

    class Busy(MemoryEventStore):
        async def append(self, *args: Any, **named: Any) -> int:
            raise ConcurrencyError

    with pytest.raises(ConcurrencyError):
        await Entities(Busy(), reduce, initial).change("ORD_1", lambda _: [item("a")], tries=2)
    assert (await orders.load("ORD_1")).version == 0


async def test_snapshot_spares_the_events_before_it(store: EventStore) -> None:
    orders = Entities(store, reduce, initial, snapshot_every=5)
    for number in range(7):
        await orders.change("ORD_1", lambda _, n=number: [item(str(n))])
    snapshot = await store.load_snapshot("ORD_1")
    await store.save_snapshot("ORD_1", Snapshot(5, {"status": "snapshot", "items": []}))

    entity = await orders.load("ORD_1")

    assert snapshot == (5, {"status": "new", "items": ["0", "1", "2", "3", "4"]})
    assert entity == ("ORD_1", 7, {"status": "snapshot", "items": ["5", "6"]})


class TestOutbox:
    """What is stored in Redis is published in the same step."""

    @pytest.fixture
    async def redis(self, valkey: Valkey) -> AsyncIterator[RedisTransport]:
        made = RedisTransport(valkey.url)
        yield made
        await made.close()

    @staticmethod
    def topic(event: Event) -> str | None:
        return "orders-topic" if event.event_type == "ORDER_PAID" else None

    async def test_published_events_are_those_stored(self, redis: RedisTransport) -> None:
        store = RedisEventStore(redis, "order", outbox=self.topic)
        paid = new_event("ORDER_PAID", "paid")

        await store.append("ORD_1", [item("a"), paid], expected_version=0)
        with pytest.raises(ConcurrencyError):
            await store.append("ORD_1", [new_event("ORDER_PAID", "x")], expected_version=0)
        rows = await redis.command("XRANGE", "orders-topic", "-", "+")

        assert [decode_event(fields[1]).event_id for _, fields in rows] == [paid.event_id]
        assert rows[0][1][2:] == [b"key", b"ORD_1"]

    async def test_topic_that_is_none_stores_nothing(self, redis: RedisTransport) -> None:
        store = RedisEventStore(redis, "order", outbox=self.topic)
        await redis.command("SET", "orders-topic", "no stream")

        with pytest.raises(TransportError, match="WRONGTYPE"):
            await store.append("ORD_1", [item("a"), new_event("ORDER_PAID", "paid")])

        assert await store.history("ORD_1") == []
