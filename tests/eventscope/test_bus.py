"""The bus over every transport: the memory broker and a real Valkey behave alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from eventscope import Event, HandlerError
from tests.eventscope.conftest import MakeBus, eventually

Topic = Callable[[str], Awaitable[list[Event]]]


async def receipts(topic_events: Topic) -> list[dict[str, Any]]:
    events = await topic_events("system-events")
    batches = [event for event in events if event.event_type == "ProcessingReceipts"]
    return [receipt for batch in batches for receipt in batch.payload["receipts"]]


async def test_subscriber_receives_what_was_published(make_bus: MakeBus) -> None:
    bus, seen = make_bus(), []

    @bus.subscribe("ORDER_CREATED", group="inventory")
    async def handle(event: Event) -> None:
        seen.append(event)

    await bus.start()
    sent = await bus.publish("ORDER_CREATED", {"orderId": "ORD_1"}, key="ORD_1")
    await eventually(lambda: seen)

    assert seen == [sent]


async def test_failed_event_is_tried_again_then_dead_lettered(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus, attempts = make_bus("inventory-service"), []

    @bus.subscribe("ORDER_CREATED", group="inventory")
    async def handle(event: Event) -> None:
        attempts.append(event.attempt)
        raise HandlerError("no stock", code="OUT_OF_STOCK")

    await bus.start()
    sent = await bus.publish("ORDER_CREATED", {"orderId": "ORD_1"})
    await eventually(lambda: topic_events("failed-events"))
    (letter,) = await topic_events("failed-events")

    assert attempts == [1, 2, 3]
    assert letter.event_type == "DeadLettered"
    assert letter.payload["event"]["eventId"] == sent.event_id
    assert letter.payload["error"]["type"] == "OUT_OF_STOCK"
    assert letter.payload["attempts"] == 3
