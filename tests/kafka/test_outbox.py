"""Event sourcing in Redis, published to Kafka: what is stored is what arrives, whichever relay dies."""

from __future__ import annotations

import asyncio

from eventscope import EventBus, new_event
from eventscope.envelope import decode_event
from eventscope.outbox import OutboxRelay
from eventscope.sourcing import RedisEventStore
from tests.kafka.servers import Broker
from tests.kafka.test_kit import consumed
from tests.servers import Valkey

PATIENCE_S = 120
ORDERS = [f"ORD_{number}" for number in range(5)]
EVENTS = 60


async def test_stored_events_arrive_in_order_though_a_relay_dies(
    broker: Broker, topic: str, valkey: Valkey
) -> None:
    store = RedisEventStore(valkey.url, "order", outbox=lambda event: topic, relayed=True)
    buses = [
        EventBus(f"kafka://{broker.address}", source="orders", instance=name, receipts=False)
        for name in ("one", "two")
    ]
    relays = [OutboxRelay(bus, store.waiting, lease="1s", batch=7) for bus in buses]
    await asyncio.gather(*(bus.start() for bus in buses))
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(_write(store, order) for order in ORDERS), _end_one(relays))
        while await store.waiting.size():
            await asyncio.sleep(0.05)
    await asyncio.gather(*(bus.stop() for bus in buses))

    wanted = {order: [one.event.event_id for one in await store.history(order)] for order in ORDERS}
    messages = await asyncio.to_thread(consumed, broker, topic, len(ORDERS) * EVENTS)
    arrived: dict[str, list[str]] = {}
    for message in messages:
        order = (message.key() or b"").decode()
        arrived.setdefault(order, []).append(decode_event(message.value() or b"").event_id)
    await store.close()
    assert arrived == wanted
    assert {len(told) for told in wanted.values()} == {EVENTS}


async def _write(store: RedisEventStore, order: str) -> None:
    for number in range(EVENTS):
        await store.append(order, [new_event("STEP", number)], expected_version=number)
        await asyncio.sleep(0.01)


async def _end_one(relays: list[OutboxRelay]) -> None:
    """As a kill would: the one that publishes stops where it is, and gives nothing back."""
    while True:
        for relay in relays:
            if relay.published > len(ORDERS) and relay._task is not None:
                relay._task.cancel()
                return
        await asyncio.sleep(0.005)
