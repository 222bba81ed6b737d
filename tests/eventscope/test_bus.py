"""The bus over every transport: publishing, subscribing, groups; memory and Valkey behave alike."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from eventscope import (
    Event,
    current_event,
)
from eventscope.envelope import encode_event
from tests.eventscope.conftest import MakeBus, eventually
from tests.kafka.apart import KafkaApart

Topic = Callable[[str], Awaitable[list[Event]]]


async def test_subscriber_receives_what_was_published(make_bus: MakeBus) -> None:
    bus, seen = make_bus(), []

    @bus.subscribe("ORDER_CREATED", group="inventory")
    async def handle(event: Event) -> None:
        seen.append(event)

    await bus.start()
    sent = await bus.publish("ORDER_CREATED", {"orderId": "ORD_1"}, key="ORD_1")
    await eventually(lambda: seen)

    assert seen == [sent]
    assert (sent.topic, sent.key, sent.source) == ("orders-topic", "ORD_1", "test-service")


async def test_guides_form_of_publish_and_subscribe_works(make_bus: MakeBus) -> None:
    bus, seen = make_bus(), []

    async def handle(event: Event) -> None:
        seen.append(event.payload["orderId"])

    bus.subscribe("ORDER_CREATED", handle)
    await bus.start()
    await bus.publish({"eventType": "ORDER_CREATED", "payload": {"orderId": "ORD_1"}})
    await eventually(lambda: seen)

    assert seen == ["ORD_1"]


async def test_guides_form_without_a_type_is_refused(make_bus: MakeBus) -> None:
    with pytest.raises(ValueError, match="eventType"):
        await make_bus().publish({"payload": {}})


async def test_plain_function_runs_in_a_thread_and_knows_its_event(make_bus: MakeBus) -> None:
    bus, seen = make_bus(), []

    @bus.subscribe("ORDER_CREATED")
    def handle(event: Event) -> None:
        seen.append((threading.current_thread() is threading.main_thread(), current_event()))

    await bus.start()
    sent = await bus.publish("ORDER_CREATED")
    await eventually(lambda: seen)

    assert seen == [(False, sent)]


async def test_what_a_handler_publishes_carries_the_correlation_on(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus = make_bus("inventory-service")

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        await bus.publish("INVENTORY_UPDATED", {})

    await bus.start()
    order = await bus.publish("ORDER_CREATED", correlation_id="corr_123")
    await eventually(lambda: bus.counters.succeeded)
    _, update = await topic_events("orders-topic")

    assert update.correlation_id == "corr_123"
    assert update.causation_id == order.event_id


async def test_routes_decide_the_topic_and_an_explicit_topic_wins(make_bus: MakeBus) -> None:
    bus = make_bus(routes={"PAYMENT_*": "payments-topic"})

    routed = await bus.publish("PAYMENT_PROCESSED")
    placed = await bus.publish("PAYMENT_PROCESSED", topic="elsewhere")

    assert (routed.topic, placed.topic) == ("payments-topic", "elsewhere")


async def test_batch_is_published_in_order(make_bus: MakeBus, topic_events: Topic) -> None:
    bus = make_bus()
    events = [bus.event("ORDER_CREATED", {"n": number}) for number in range(1_200)]

    sent = await bus.publish_many([*events, {"eventType": "ORDER_CLOSED", "payload": {"n": 1_200}}])

    stored = await topic_events("orders-topic")
    assert [event.payload["n"] for event in stored] == list(range(1_201))
    assert [event.position for event in sent] == [event.position for event in stored]


async def test_concurrent_publishers_lose_nothing(make_bus: MakeBus, topic_events: Topic) -> None:
    bus = make_bus()

    sent = await asyncio.gather(*(bus.publish("ORDER_CREATED", n) for n in range(500)))

    stored = await topic_events("orders-topic")
    assert {event.event_id for event in stored} == {event.event_id for event in sent}
    assert len(stored) == 500


async def test_pattern_subscribes_to_several_types(make_bus: MakeBus) -> None:
    bus, seen = make_bus(), []

    @bus.subscribe(["ORDER_*", "PAYMENT_PROCESSED"])
    async def handle(event: Event) -> None:
        seen.append(event.event_type)

    await bus.start()
    types = ["ORDER_CREATED", "ORDER_CLOSED", "PAYMENT_FAILED", "PAYMENT_PROCESSED"]
    for event_type in types:
        await bus.publish(event_type)
    await eventually(lambda: len(seen) == 3)

    assert sorted(seen) == ["ORDER_CLOSED", "ORDER_CREATED", "PAYMENT_PROCESSED"]


async def test_every_group_gets_every_event_and_members_share_them(make_bus: MakeBus) -> None:
    seen: list[tuple[str, int]] = []
    buses = [make_bus(f"{group}-service") for group in ("inventory", "inventory", "billing")]
    for bus in buses:

        @bus.subscribe("ORDER_CREATED", concurrency=2)
        async def handle(event: Event, source: str = bus.source) -> None:
            seen.append((source, event.payload))
            await asyncio.sleep(0.002)

        await bus.start()
    await buses[0].publish_many([buses[0].event("ORDER_CREATED", n) for n in range(60)])
    await eventually(lambda: len(seen) >= 120)

    wanted = {(f"{group}-service", n) for group in ("inventory", "billing") for n in range(60)}
    assert set(seen) == wanted
    assert len(seen) == 120
    if not isinstance(buses[0].transport, KafkaApart):  # it has one partition to hand out
        assert min(bus.counters.succeeded for bus in buses) > 0


async def test_concurrency_is_bounded(make_bus: MakeBus) -> None:
    bus, running, most = make_bus(), 0, 0

    @bus.subscribe("ORDER_CREATED", concurrency=3)
    async def handle(event: Event) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1

    await bus.start()
    await bus.publish_many([bus.event("ORDER_CREATED") for _ in range(40)])
    await eventually(lambda: bus.counters.succeeded == 40)

    assert most == 3


async def test_event_made_before_is_published_as_it_is(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus = make_bus()
    made = bus.event("ORDER_CREATED", {"orderId": "ORD_1"})

    await bus.publish(made)

    (stored,) = await topic_events("orders-topic")
    assert encode_event(stored) == encode_event(made)
