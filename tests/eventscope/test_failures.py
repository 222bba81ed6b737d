"""What becomes of events whose handling fails: retries, dead letters, poison; over every transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from eventscope import (
    Event,
    HandlerError,
    NoRetry,
    RetryPolicy,
)
from eventscope.envelope import new_event
from eventscope.transports.base import Outgoing
from tests.eventscope.conftest import MakeBus, MakeTransport, eventually
from tests.eventscope.lookup import raw, receipts, unsettled

Topic = Callable[[str], Awaitable[list[Event]]]


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
        "originalOffset": sent.position.removeprefix("0:"),
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
        (b'"quoted"', '"quoted"', "utf-8"),
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


async def test_slow_handler_of_a_living_member_is_not_claimed_away(make_bus: MakeBus) -> None:
    policy = RetryPolicy(max_retries=2, retry_delay="20ms", claim_after="1s")
    calls: list[int] = []
    buses = [make_bus("inventory-service", retry=policy) for _ in range(2)]
    for bus in buses:

        @bus.subscribe("ORDER_CREATED")
        async def handle(event: Event) -> None:
            calls.append(event.attempt)
            await asyncio.sleep(2.5)

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
