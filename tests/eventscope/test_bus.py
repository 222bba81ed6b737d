"""The bus over every transport: the memory broker and a real Valkey behave alike."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from eventscope import (
    BrokerUnavailable,
    Event,
    EventBus,
    HandlerError,
    NoRetry,
    RetryPolicy,
    Skip,
    current_event,
)
from eventscope.envelope import encode_event, new_event
from eventscope.transports.base import Member, Outgoing
from tests.eventscope.conftest import MakeBus, MakeTransport, eventually

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


async def test_failed_event_is_tried_again_then_dead_lettered(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus, attempts = make_bus("inventory-service"), []

    @bus.subscribe("ORDER_CREATED", group="inventory")
    async def handle(event: Event) -> None:
        attempts.append(event.attempt)
        raise HandlerError("no stock", code="OUT_OF_STOCK")

    await bus.start()
    sent = await bus.publish("ORDER_CREATED", {"orderId": "ORD_1"}, correlation_id="corr_1")
    await eventually(lambda: topic_events("failed-events"))
    (letter,) = await topic_events("failed-events")

    assert attempts == [1, 2, 3]
    payload = letter.payload
    assert payload["error"].pop("stack").endswith("HandlerError: no stock\n")
    assert payload.pop("firstFailedAt") < payload.pop("lastFailedAt")
    assert payload == {
        "event": payload["event"],
        "error": {"type": "OUT_OF_STOCK", "message": "no stock"},
        "consumer": "inventory-service",
        "consumerGroup": "inventory",
        "instance": bus.instance,
        "attempts": 3,
        "originalTopic": "orders-topic",
        "originalPartition": 0,
        "originalOffset": sent.position,
    }
    assert payload["event"]["eventId"] == sent.event_id
    assert letter.event_type == "DeadLettered"
    assert (letter.correlation_id, letter.causation_id) == ("corr_1", sent.event_id)
    await bus.stop()
    assert await unsettled(make_bus, "inventory") == []


async def test_event_that_succeeds_on_the_second_try_is_not_dead_lettered(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus = make_bus()

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        if event.attempt < 2:
            raise ConnectionError("try again")

    await bus.start()
    await bus.publish("ORDER_CREATED")
    await eventually(lambda: bus.counters.succeeded)

    assert bus.counters.retried == 1
    assert await topic_events("failed-events") == []


async def test_retry_is_not_earlier_than_its_delay(make_bus: MakeBus) -> None:
    policy = RetryPolicy(max_retries=1, retry_delay="200ms", claim_after="100ms")
    bus, times = make_bus(retry=policy), []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        times.append(asyncio.get_running_loop().time())
        raise ConnectionError

    await bus.start()
    await bus.publish("ORDER_CREATED")
    await eventually(lambda: len(times) == 2)

    assert times[1] - times[0] >= 0.199


async def test_original_is_kept_byte_for_byte_with_its_headers(
    make_bus: MakeBus, make_transport: MakeTransport
) -> None:
    bus, transport = make_bus(), make_transport()

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        raise NoRetry

    odd = b'{ "eventId":"e1",\n"eventType":"ORDER_CREATED", "n": 1.50, "n": 2, "more":"\\u00e9" }'
    headers = ((b"key", b"ORD_1"), (b"tenant", b"acme"))
    await transport.append([Outgoing("orders-topic", odd, headers)])
    await bus.start()
    await eventually(lambda: bus.counters.dead_lettered)
    await bus.stop()

    (letter,) = await raw(make_transport, "failed-events")
    assert odd in (letter.body or b"")
    assert letter.headers == headers
    await transport.close()


async def test_error_that_cannot_be_mended_is_not_tried_again(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus, attempts = make_bus(), []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        attempts.append(event.attempt)
        raise NoRetry("card is stolen", code="CARD_STOLEN")

    await bus.start()
    await bus.publish("ORDER_CREATED")
    await eventually(lambda: topic_events("failed-events"))

    assert attempts == [1]


async def test_without_dead_letter_topic_the_event_fails_for_good(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus = make_bus(dead_letter_topic=None, retry=RetryPolicy(0))

    @bus.subscribe("ORDER_CREATED", group="inventory")
    async def handle(event: Event) -> None:
        raise ConnectionError

    await bus.start()
    await bus.publish("ORDER_CREATED")
    await eventually(lambda: bus.counters.failed == 1)
    await bus.stop()

    assert [one["outcome"] for one in await receipts(topic_events)] == ["failed"]
    assert await unsettled(make_bus, "inventory") == []


@pytest.mark.parametrize(
    ("body", "event", "encoding"),
    [
        (b'{"no": "envelope"}', {"no": "envelope"}, None),
        (b"not json", "not json", "utf-8"),
        (b"\xff\x00", "/wA=", "base64"),
        (b"", "", "utf-8"),
        (b"[" * 5_000, "[" * 5_000, "utf-8"),
    ],
)
async def test_poison_message_is_dead_lettered_with_the_reason(
    make_bus: MakeBus,
    make_transport: MakeTransport,
    topic_events: Topic,
    body: bytes,
    event: Any,
    encoding: str | None,
) -> None:
    bus, transport = make_bus(), make_transport()

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None: ...

    await transport.append([Outgoing("orders-topic", body)])
    await bus.start()
    await bus.publish("ORDER_CREATED")
    await eventually(lambda: bus.counters.succeeded and topic_events("failed-events"))
    await transport.close()

    (letter,) = await topic_events("failed-events")
    assert letter.payload["event"] == event
    assert letter.payload.get("encoding") == encoding
    assert letter.payload["error"]["type"] == "EnvelopeError"
    assert letter.payload["error"]["message"].startswith("not a native envelope: ")
    assert bus.counters.poison == 1


async def test_error_handlers_are_called_by_type_before_the_letter_is_written(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    told: list[tuple[str, str]] = []

    async def notify_admin(event: Event) -> None:
        told.append(("admin", event.event_id))

    def log_error(event: Event) -> None:
        told.append(("any", event.event_id))
        raise RuntimeError("the error handler is broken too")

    handlers = {"ORDER_PROCESSING_ERROR": notify_admin, "*": log_error}
    bus = make_bus(error_handlers=handlers, retry=RetryPolicy(0), concurrency=1)

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        raise HandlerError(code="ORDER_PROCESSING_ERROR") if event.payload else ValueError

    await bus.start()
    one = await bus.publish("ORDER_CREATED", 1)
    two = await bus.publish("ORDER_CREATED", 0)
    await eventually(lambda: bus.counters.dead_lettered == 2)
    await bus.stop()

    assert told == [("admin", one.event_id), ("any", two.event_id)]
    assert bus.counters.error_handler_failures == 1
    assert len(await topic_events("failed-events")) == 2


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
        "offset": good.position,
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


async def test_service_says_when_it_starts_and_stops(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    async with make_bus("order-service", version="2.1") as bus:
        pass

    started, stopped = await topic_events("system-events")
    assert (started.event_type, stopped.event_type) == ("ServiceStarted", "ServiceStopped")
    assert started.payload == stopped.payload
    assert set(started.payload) == {"service", "instance", "version", "host"}
    assert started.payload["service"] == "order-service"
    assert started.payload["instance"] == bus.instance
    assert started.payload["version"] == "2.1"


async def test_receipts_can_be_turned_off(make_bus: MakeBus, topic_events: Topic) -> None:
    bus = make_bus(receipts=False)

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None: ...

    await bus.start()
    await bus.publish("ORDER_CREATED")
    await eventually(lambda: bus.counters.succeeded)
    await bus.stop()

    assert await topic_events("system-events") == []


async def test_slow_handler_of_a_living_member_is_not_claimed_away(make_bus: MakeBus) -> None:
    policy = RetryPolicy(max_retries=2, retry_delay="20ms", claim_after="150ms")
    calls: list[int] = []
    buses = [make_bus("inventory-service", retry=policy) for _ in range(2)]
    for bus in buses:

        @bus.subscribe("ORDER_CREATED")
        async def handle(event: Event) -> None:
            calls.append(event.attempt)
            await asyncio.sleep(0.6)

        await bus.start()
    await buses[0].publish("ORDER_CREATED")
    await eventually(lambda: sum(bus.counters.succeeded for bus in buses) == 1)

    assert calls == [1]


async def test_handler_that_takes_too_long_is_ended_when_it_has_a_timeout(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus = make_bus(retry=RetryPolicy(0))

    @bus.subscribe("ORDER_CREATED", timeout="20ms")
    async def handle(event: Event) -> None:
        await asyncio.sleep(60)

    await bus.start()
    await bus.publish("ORDER_CREATED")
    await eventually(lambda: topic_events("failed-events"))

    (letter,) = await topic_events("failed-events")
    assert letter.payload["error"]["message"] == "no answer within 0.02 s"


async def test_event_delivered_too_often_without_an_answer_is_dead_lettered_unhandled(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    seen: list[int] = []
    policy = RetryPolicy(max_retries=1, retry_delay="10ms", claim_after="60ms")
    for _ in range(policy.max_deliveries + 1):
        bus = make_bus("inventory-service", retry=policy)

        @bus.subscribe("ORDER_CREATED")
        async def handle(event: Event) -> None:
            seen.append(event.attempt)
            await asyncio.sleep(60)

        if not seen:
            await bus.publish("ORDER_CREATED")
        await bus.start()
        before = len(seen)
        await eventually(lambda: len(seen) > before or bus.counters.dead_lettered)  # noqa: B023
        await bus.stop(0)

    (letter,) = await topic_events("failed-events")
    assert seen == [1, 2, 3, 4]
    assert letter.payload["error"]["type"] == "AttemptsExceeded"


@pytest.mark.parametrize("error", [StopIteration, asyncio.CancelledError, AssertionError])
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_any_error_of_a_handler_is_an_outcome(
    make_bus: MakeBus, error: type[BaseException], kind: str
) -> None:
    bus = make_bus(retry=RetryPolicy(0), concurrency=1)

    def fail(event: Event) -> None:
        raise error

    async def fail_later(event: Event) -> None:
        raise error

    bus.subscribe("ORDER_BAD", fail if kind == "sync" else fail_later)
    bus.subscribe("ORDER_GOOD", lambda event: None)
    await bus.start()
    await bus.publish("ORDER_BAD")
    await bus.publish("ORDER_GOOD")

    await eventually(lambda: bus.counters.dead_lettered == 1 and bus.counters.succeeded == 1)


async def test_handlers_of_a_group_are_called_in_turn_and_fail_together(
    make_bus: MakeBus,
) -> None:
    bus, calls = make_bus(), []

    @bus.subscribe("ORDER_CREATED", group="shop")
    async def first(event: Event) -> None:
        calls.append(f"first {event.attempt}")

    @bus.subscribe("ORDER_*", group="shop")
    async def second(event: Event) -> None:
        calls.append(f"second {event.attempt}")
        if event.attempt == 1:
            raise ConnectionError

    await bus.start()
    await bus.publish("ORDER_CREATED")
    await eventually(lambda: bus.counters.succeeded)

    assert calls == ["first 1", "second 1", "first 2", "second 2"]


async def test_redriven_event_is_handled_like_any_other(make_bus: MakeBus) -> None:
    bus, seen = make_bus(), []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        seen.append(event)

    original = new_event("ORDER_CREATED", {"orderId": "ORD_1"}, source="order-service")
    redrive = {"id": "r1", "attempt": 1, "by": "ops", "at": "2026-11-24T10:00:00.000Z"}
    again = new_event("x", metadata={**original.metadata, "redrive": redrive})
    await bus.start()
    await bus.publish(original)
    await bus.publish(
        Event(
            event_id=original.event_id,
            event_type=original.event_type,
            timestamp=original.timestamp,
            payload=original.payload,
            metadata=again.metadata,
        )
    )
    await eventually(lambda: len(seen) == 2)

    assert seen[1].event_id == original.event_id
    assert (seen[0].redrive, seen[1].redrive) == (None, redrive)


async def test_stopping_finishes_what_is_begun_and_releases_the_rest(make_bus: MakeBus) -> None:
    first, handled = make_bus("inventory-service"), []
    gate = asyncio.Event()

    @first.subscribe("ORDER_CREATED", concurrency=2)
    async def slowly(event: Event) -> None:
        await gate.wait()
        handled.append(event.payload)

    await first.publish_many([first.event("ORDER_CREATED", n) for n in range(30)])
    await first.start()
    await asyncio.sleep(0.1)
    stopping = asyncio.create_task(first.stop("5s"))
    await asyncio.sleep(0.05)
    gate.set()
    await stopping
    finished = len(handled)

    second = make_bus("inventory-service", retry=RetryPolicy(retry_delay="1h", claim_after="1h"))
    attempts: list[int] = []

    @second.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        attempts.append(event.attempt)
        handled.append(event.payload)

    await second.start()
    await eventually(lambda: len(handled) >= 30)

    assert finished == 2
    assert sorted(handled) == list(range(30))
    assert set(attempts) == {1}


async def test_handler_still_running_after_the_grace_time_is_left_to_another(
    make_bus: MakeBus,
) -> None:
    policy = RetryPolicy(max_retries=2, retry_delay="20ms", claim_after="100ms")
    first, second = (make_bus("inventory-service", retry=policy) for _ in range(2))
    seen: list[int] = []

    @first.subscribe("ORDER_CREATED")
    async def hang(event: Event) -> None:
        seen.append(event.attempt)
        await asyncio.sleep(60)

    @second.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        seen.append(event.attempt)

    await first.publish("ORDER_CREATED")
    await first.start()
    await eventually(lambda: seen)
    await first.stop("50ms")
    await second.start()
    await eventually(lambda: second.counters.succeeded)

    assert seen == [1, 2]


async def test_hook_that_fails_to_stop_does_not_keep_the_bus_from_stopping(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus = make_bus()

    async def begin() -> None: ...

    async def fail() -> None:
        raise ValueError

    bus.attach(begin, fail)
    await bus.start()
    await bus.stop()

    assert bus.counters.internal_errors == 1
    assert (await topic_events("system-events"))[-1].event_type == "ServiceStopped"


async def test_hook_that_fails_to_start_stops_the_bus_again(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus = make_bus()

    async def fail() -> None:
        raise ValueError("no port")

    async def end() -> None: ...

    bus.attach(fail, end)
    with pytest.raises(ValueError, match="no port"):
        await bus.start()

    assert (await topic_events("system-events"))[-1].event_type == "ServiceStopped"


async def test_bus_can_be_started_again(make_bus: MakeBus) -> None:
    bus, seen = make_bus(), []
    bus.subscribe("ORDER_CREATED", lambda event: seen.append(event.payload))
    for number in range(2):
        await bus.start()
        await bus.publish("ORDER_CREATED", number)
        await eventually(lambda number=number: number in seen)
        await bus.stop()

    assert seen == [0, 1]


async def test_subscribing_after_the_start_is_refused(make_bus: MakeBus) -> None:
    bus = make_bus()
    await bus.start()

    with pytest.raises(RuntimeError, match="before the bus is started"):
        bus.subscribe("ORDER_CREATED", lambda event: None)
    with pytest.raises(RuntimeError, match="started already"):
        await bus.start()


async def test_new_group_can_begin_at_the_end_of_the_topic(make_bus: MakeBus) -> None:
    bus, seen = make_bus(), []
    await bus.publish("ORDER_CREATED", "old")

    @bus.subscribe("ORDER_CREATED", from_start=False)
    async def handle(event: Event) -> None:
        seen.append(event.payload)

    await bus.start()
    await asyncio.sleep(0.1)
    await bus.publish("ORDER_CREATED", "new")
    await eventually(lambda: seen)

    assert seen == ["new"]


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


async def test_unreachable_broker_fails_a_publish_after_its_timeout_only() -> None:
    bus = EventBus("redis://127.0.0.1:1/0", source="order-service", publish_timeout="100ms")
    begun = asyncio.get_running_loop().time()

    with pytest.raises(BrokerUnavailable):
        await bus.publish("ORDER_CREATED")

    assert 0.1 <= asyncio.get_running_loop().time() - begun < 3.0
    assert await bus.is_healthy() is False
    await bus.stop(0)


async def test_event_made_before_is_published_as_it_is(
    make_bus: MakeBus, topic_events: Topic
) -> None:
    bus = make_bus()
    made = bus.event("ORDER_CREATED", {"orderId": "ORD_1"})

    await bus.publish(made)

    (stored,) = await topic_events("orders-topic")
    assert encode_event(stored) == encode_event(made)


async def receipts(topic_events: Topic) -> list[dict[str, Any]]:
    events = await topic_events("system-events")
    batches = [event for event in events if event.event_type == "ProcessingReceipts"]
    return [receipt for batch in batches for receipt in batch.payload["receipts"]]


async def unsettled(make_bus: MakeBus, group: str) -> list[Any]:
    """What a new member of the group would still be given."""
    transport = make_bus().transport
    member = Member(group, "auditor", ("orders-topic",))
    try:
        return [
            *await transport.read(member, count=100, wait=0.01),
            *await transport.claim(member, retry_after=0, claim_after=0.001, count=100),
        ]
    finally:
        await transport.close()


async def raw(make_transport: MakeTransport, topic: str) -> list[Any]:
    transport = make_transport()
    member = Member("raw", "one", (topic,))
    await transport.join(member, from_start=True)
    try:
        return await transport.read(member, count=100, wait=0.01)
    finally:
        await transport.close()
