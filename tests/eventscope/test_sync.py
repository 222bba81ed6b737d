"""The bus for services without asyncio."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from eventscope import BrokerUnavailable, CircuitBreaker, Event, RetryPolicy, SyncEventBus
from tests.eventscope.conftest import MakeTransport


@pytest.fixture
def bus(make_transport: MakeTransport) -> Iterator[SyncEventBus]:
    made = SyncEventBus(
        make_transport(),
        source="order-service",
        default_topic="orders-topic",
        retry=RetryPolicy(1, "50ms"),
        read_wait="30ms",
    )
    yield made
    made.stop("1s")


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_handlers_publish_from_their_threads_and_ids_are_carried_on(bus: SyncEventBus) -> None:
    seen: list[Event] = []

    @bus.subscribe("ORDER_CREATED")
    def create(event: Event) -> None:
        bus.publish("INVENTORY_UPDATED", {"orderId": event.payload["orderId"]})

    bus.subscribe("INVENTORY_UPDATED", seen.append)
    bus.start()
    order = bus.publish("ORDER_CREATED", {"orderId": "ORD_1"}, correlation_id="corr_1")
    wait_for(lambda: seen)

    assert (seen[0].correlation_id, seen[0].causation_id) == ("corr_1", order.event_id)


def test_many_threads_publish(bus: SyncEventBus) -> None:
    seen: list[int] = []
    bus.subscribe("ORDER_CREATED", lambda event: seen.append(event.payload))
    bus.start()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: bus.publish("ORDER_CREATED", number), range(200)))
    bus.publish_many([{"eventType": "ORDER_CREATED", "payload": 200}])
    wait_for(lambda: len(seen) == 201)

    assert sorted(seen) == list(range(201))
    assert bus.is_healthy() is True


def test_breaker_of_a_sync_service_publishes_its_changes(bus: SyncEventBus) -> None:
    seen: list[Event] = []
    bus.subscribe("CircuitBreakerStateChanged", seen.append, topic="system-events")
    bus.start()
    breaker = CircuitBreaker("provider", bus=bus, failure_threshold=1)

    with pytest.raises(ZeroDivisionError), breaker:
        _ = 1 / 0
    wait_for(lambda: len(seen) == 2)

    assert [(event.payload["from"], event.payload["to"]) for event in seen] == [
        ("closed", "closed"),
        ("closed", "open"),
    ]


def test_use_before_the_start_is_refused(bus: SyncEventBus) -> None:
    with pytest.raises(RuntimeError, match="start the bus first"):
        bus.publish("ORDER_CREATED")


def test_call_that_would_wait_for_itself_is_refused(bus: SyncEventBus) -> None:
    seen: list[str] = []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        try:
            bus.publish("INVENTORY_UPDATED")
        except RuntimeError as error:
            seen.append(str(error))

    bus.start()
    bus.publish("ORDER_CREATED")
    wait_for(lambda: seen)

    assert seen == ["an async handler awaits bus.bus.publish; this call would wait for itself"]


def test_unreachable_broker_is_raised_in_the_calling_thread() -> None:
    options = {"source": "order-service", "publish_timeout": "50ms", "receipts": False}
    with (
        SyncEventBus("redis://127.0.0.1:1/0", **options) as bus,
        pytest.raises(BrokerUnavailable),
    ):
        bus.publish("ORDER_CREATED")
