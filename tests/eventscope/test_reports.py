"""What the bus tells about itself, over every transport."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from eventscope import (
    Event,
    HandlerError,
    Skip,
)
from tests.eventscope.conftest import MakeBus, eventually
from tests.eventscope.lookup import receipts, unsettled

Topic = Callable[[str], Awaitable[list[Event]]]


async def test_types_without_handler_are_acknowledged_unreported(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus = make_bus()

    @bus.subscribe("ORDER_CREATED", group="inventory")
    async def handle(event: Event) -> None:
        raise AssertionError

    await bus.start()
    await bus.publish("ORDER_CLOSED")
    await eventually(lambda: bus.counters.filtered == 1)
    await bus.stop()

    assert await unsettled(make_bus, "inventory") == []
    assert await receipts(topic_events) == []


async def test_receipts_tell_every_outcome(make_bus: MakeBus, topic_events: Topic) -> None:
    bus = make_bus("inventory-service")

    @bus.subscribe("ORDER_*", group="inventory")
    async def handle(event: Event) -> None:
        if event.event_type == "ORDER_SKIPPED":
            raise Skip
        if event.event_type == "ORDER_BAD":
            raise HandlerError("no stock", code="OUT_OF_STOCK")

    await bus.start()
    good = await bus.publish("ORDER_GOOD", correlation_id="corr_1")
    await bus.publish("ORDER_SKIPPED")
    await bus.publish("ORDER_BAD")
    await eventually(lambda: bus.counters.dead_lettered)
    await bus.stop()
    told = await receipts(topic_events)

    assert [(one["eventType"], one["outcome"], one["attempt"]) for one in told] == [
        ("ORDER_GOOD", "success", 1),
        ("ORDER_SKIPPED", "skipped", 1),
        ("ORDER_BAD", "retry", 1),
        ("ORDER_BAD", "retry", 2),
        ("ORDER_BAD", "dead_lettered", 3),
    ]
    first = told[0]
    assert first.pop("durationMs") >= 0
    assert first.pop("producedAt") <= first.pop("startedAt") <= first.pop("endedAt")
    assert first == {
        "eventId": good.event_id,
        "eventType": "ORDER_GOOD",
        "consumer": "inventory-service",
        "consumerGroup": "inventory",
        "instance": bus.instance,
        "topic": "orders-topic",
        "partition": 0,
        "offset": good.position.removeprefix("0:"),
        "correlationId": "corr_1",
        "attempt": 1,
        "maxAttempts": 3,
        "outcome": "success",
    }
    assert told[2]["error"]["type"] == "OUT_OF_STOCK"


async def test_handling_system_events_is_not_reported_in_turn(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus, seen = make_bus(), []

    @bus.subscribe("*", topic="system-events")
    async def handle(event: Event) -> None:
        seen.append(event.event_type)

    await bus.start()
    await eventually(lambda: seen == ["ServiceStarted"])
    await bus.stop()

    assert await receipts(topic_events) == []


async def test_receipts_can_be_turned_off(make_bus: MakeBus, topic_events: Topic) -> None:
    bus = make_bus(receipts=False)

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None: ...

    await bus.start()
    await bus.publish("ORDER_CREATED")
    await eventually(lambda: bus.counters.succeeded)
    await bus.stop()

    assert await topic_events("system-events") == []


async def test_errors_are_reported_as_events(make_bus: MakeBus, topic_events: Topic) -> None:
    async with make_bus("order-service", receipts=True) as bus:
        bus.report_error(ValueError("no such order"), {"orderId": "ORD_1"})

    reported = [
        event.payload
        for event in await topic_events("system-events")
        if event.event_type == "ErrorOccurred"
    ]
    assert reported == [
        {
            "service": "order-service",
            "instance": bus.instance,
            "error": {
                "type": "ValueError",
                "message": "no such order",
                "stack": "ValueError: no such order\n",
            },
            "context": {"orderId": "ORD_1"},
        }
    ]
