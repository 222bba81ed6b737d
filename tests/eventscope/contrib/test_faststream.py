"""A real FastStream application beside a real bus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis.asyncio
from faststream.exceptions import NackMessage, RejectMessage, SkipMessage
from faststream.redis import RedisBroker, StreamSub

from eventscope import EventBus
from eventscope.contrib.faststream import EventscopeMiddleware
from ingest.records import Record
from ingest.sources.redis_entries import messages_of
from tests.eventscope.conftest import eventually
from tests.ingest.envelopes.factories import decoder
from tests.servers import Valkey

Receipts = Callable[..., list[dict[str, Any]]]


@pytest.fixture
async def bus(valkey: Valkey) -> AsyncIterator[EventBus]:
    async with EventBus(valkey.url, source="inventory-service", instance="one") as bus:
        yield bus


@pytest.fixture
async def broker(valkey: Valkey, bus: EventBus) -> AsyncIterator[RedisBroker]:
    broker = RedisBroker(
        valkey.url, middlewares=[EventscopeMiddleware(bus, group="inventory")], logger=None
    )
    yield broker
    await broker.stop()


def sub(topic: str) -> StreamSub:
    return StreamSub(topic, last_id="0", polling_interval=10)


async def stored(valkey: Valkey, topic: str) -> list[Record]:
    """What ingest makes of the entries of ``topic``."""
    async with redis.asyncio.Redis.from_url(valkey.url) as client:
        entries = await client.xrange(topic)
    raw = [[entry, [part for pair in fields.items() for part in pair]] for entry, fields in entries]
    made = [decoder().decode(message, topic) for message in messages_of(raw)]
    assert all(isinstance(one, Record) for one in made)
    return made  # type: ignore[return-value]


async def told(receipts: Receipts, least: int = 1) -> list[dict[str, Any]]:
    return await asyncio.to_thread(receipts, least=least)


async def test_receipts_name_the_message_as_ingest_does(
    valkey: Valkey, bus: EventBus, broker: RedisBroker, receipts: Receipts
) -> None:
    @broker.subscriber(stream=sub("orders"))
    async def reserve(body: dict[str, Any]) -> None:
        await asyncio.sleep(0.01)

    await broker.start()
    await broker.publish({"orderId": "ORD_1"}, stream="orders", headers={"event_type": "ORDERED"})
    (receipt,) = await told(receipts)
    (event,) = await stored(valkey, "orders")

    assert (receipt["eventId"], receipt["eventType"]) == (event.event_id, "ORDERED")
    assert (event.event_type, event.source, event.keys) == (
        "ORDERED",
        "inventory-service",
        ("ORD_1",),
    )
    assert receipt["correlationId"] == event.correlation_id
    assert (receipt["consumer"], receipt["consumerGroup"], receipt["topic"]) == (
        "inventory-service",
        "inventory",
        "orders",
    )
    assert (receipt["outcome"], receipt["durationMs"] >= 10) == ("success", True)
    assert receipt["offset"].startswith(str(event.appended_ms))


async def test_what_a_handler_publishes_carries_the_correlation_and_names_its_cause(
    valkey: Valkey, bus: EventBus, broker: RedisBroker, receipts: Receipts
) -> None:
    @broker.subscriber(stream=sub("orders"))
    async def reserve(body: dict[str, Any]) -> None:
        await broker.publish({"n": 1}, stream="stock")
        await bus.publish("RESERVED", {"n": 1}, topic="reserved")

    await broker.start()
    await broker.publish({}, stream="orders", correlation_id="corr-1")
    await told(receipts)
    (order,) = await stored(valkey, "orders")
    (stock,) = await stored(valkey, "stock")
    (reserved,) = await stored(valkey, "reserved")

    assert order.correlation_id == "corr-1"
    for effect in (stock, reserved):
        assert (effect.correlation_id, effect.causation_id) == ("corr-1", order.event_id)


async def test_native_envelope_is_known_by_its_own_ids(
    valkey: Valkey, bus: EventBus, broker: RedisBroker, receipts: Receipts
) -> None:
    event = bus.event("ORDER_CREATED", {"orderId": "ORD_1"}, correlation_id="corr-9")

    @broker.subscriber(stream=sub("orders"))
    async def reserve(body: dict[str, Any]) -> None: ...

    await broker.start()
    body = json.loads(json.dumps({"eventId": event.event_id, "eventType": event.event_type}))
    await broker.publish(
        body | {"timestamp": event.timestamp, "metadata": event.metadata}, stream="orders"
    )
    (receipt,) = await told(receipts)
    (record,) = await stored(valkey, "orders")

    assert receipt["eventId"] == record.event_id == event.event_id
    assert receipt["correlationId"] == record.correlation_id == "corr-9"
    assert receipt["producedAt"] == event.timestamp


async def test_cloud_event_is_known_by_its_own_ids(
    valkey: Valkey, broker: RedisBroker, receipts: Receipts
) -> None:
    @broker.subscriber(stream=sub("orders"))
    async def reserve(body: dict[str, Any]) -> None: ...

    await broker.start()
    event = {"specversion": "1.0", "id": "ce-1", "type": "order.created", "source": "/shop"}
    await broker.publish(event, stream="orders")
    (receipt,) = await told(receipts)
    (record,) = await stored(valkey, "orders")

    assert (receipt["eventId"], receipt["eventType"]) == ("ce-1", "order.created")
    assert (record.event_id, record.event_type) == ("ce-1", "order.created")
    assert receipt["correlationId"] == record.correlation_id


@pytest.mark.parametrize(
    ("raised", "outcome", "error"),
    [
        (ValueError("no stock"), "failed", "ValueError"),
        (RejectMessage(), "failed", "RejectMessage"),
        (NackMessage(), "retry", "NackMessage"),
        (SkipMessage(), "skipped", None),
    ],
)
async def test_outcome_is_how_the_handler_ended(
    bus: EventBus,
    broker: RedisBroker,
    receipts: Receipts,
    raised: Exception,
    outcome: str,
    error: str | None,
) -> None:
    @broker.subscriber(stream=sub("orders"))
    async def reserve(body: dict[str, Any]) -> None:
        raise raised

    await broker.start()
    await broker.publish({}, stream="orders")
    receipt = (await told(receipts))[0]

    assert receipt["outcome"] == outcome
    assert receipt.get("error", {}).get("type") == error


async def test_lists_and_channels_are_reported_too(
    bus: EventBus, broker: RedisBroker, receipts: Receipts
) -> None:
    @broker.subscriber("channel")
    async def heard(body: str) -> None: ...

    await broker.start()
    await eventually(lambda: broker.publish("x", "channel"))
    receipt = (await told(receipts))[0]

    assert (receipt["topic"], receipt["outcome"]) == ("channel", "success")
