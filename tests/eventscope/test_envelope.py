"""The native envelope: written as the guide has it, read strictly, ids carried on."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventscope.envelope import (
    Event,
    current_event,
    decode_event,
    encode_event,
    handling,
    new_event,
)
from eventscope.errors import EnvelopeError

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def test_envelope_is_the_guides() -> None:
    event = new_event("ORDER_CREATED", {"orderId": "ORD_789"}, source="order-service")

    written = json.loads(encode_event(event))

    assert list(written) == ["eventId", "eventType", "timestamp", "payload", "metadata"]
    assert written["eventType"] == "ORDER_CREATED"
    assert written["payload"] == {"orderId": "ORD_789"}
    assert written["metadata"] == {
        "source": "order-service",
        "version": "1.0",
        "correlationId": written["eventId"],
    }


def test_guides_own_example_is_read() -> None:
    body = b"""{"eventId": "evt_123456", "eventType": "ORDER_CREATED",
        "timestamp": "2024-04-03T10:00:00Z", "payload": {"orderId": "ORD_789"},
        "metadata": {"source": "order-service", "version": "1.0", "correlationId": "corr_123"}}"""

    event = decode_event(body)

    assert event.event_id == "evt_123456"
    assert event.occurred_ms == 1712138400000
    assert (event.source, event.version) == ("order-service", "1.0")
    assert (event.correlation_id, event.causation_id) == ("corr_123", "")


@given(payload=values, metadata=st.dictionaries(texts, values, max_size=4))
def test_round_trip_keeps_everything(payload: Any, metadata: dict[str, Any]) -> None:
    event = new_event("ORDER_CREATED", payload, source="order-service", metadata=metadata)

    assert decode_event(encode_event(event)) == event


def test_where_a_delivery_came_from_is_never_written() -> None:
    event = new_event("ORDER_CREATED")
    delivered = msgspec.structs.replace(event, attempt=3, topic="orders", position="1-0", key="k")

    assert encode_event(delivered) == encode_event(event)


def test_event_cannot_be_changed() -> None:
    event = new_event("ORDER_CREATED")

    with pytest.raises(AttributeError):
        event.event_type = "ORDER_CANCELLED"  # type: ignore[misc]


def test_event_published_while_handling_names_its_cause() -> None:
    first = new_event("ORDER_CREATED", correlation_id="corr_1", traceparent=TRACE)

    with handling(first):
        second = new_event("INVENTORY_UPDATED")
        with handling(second):
            third = new_event("PAYMENT_PROCESSED")

    assert [event.correlation_id for event in (second, third)] == ["corr_1", "corr_1"]
    assert [event.causation_id for event in (second, third)] == [first.event_id, second.event_id]
    assert second.traceparent.split("-")[:2] == TRACE.split("-")[:2]
    assert second.traceparent.split("-")[2] != TRACE.split("-")[2]
    assert current_event() is None


def test_explicit_ids_win_over_those_of_the_event_being_handled() -> None:
    with handling(new_event("ORDER_CREATED")):
        event = new_event("OTHER", correlation_id="corr_9", causation_id="evt_9")

    assert (event.correlation_id, event.causation_id) == ("corr_9", "evt_9")


async def test_ids_are_carried_into_tasks_and_do_not_leak_between_them() -> None:
    async def handle(name: str) -> Event:
        with handling(new_event("ORDER_CREATED", correlation_id=name)):
            await asyncio.sleep(0)
            return await asyncio.create_task(publish())

    async def publish() -> Event:
        return new_event("INVENTORY_UPDATED")

    events = await asyncio.gather(*(handle(f"corr_{number}") for number in range(20)))

    assert [event.correlation_id for event in events] == [f"corr_{n}" for n in range(20)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b'{"eventType": "A"}',
        b'{"eventId": "", "eventType": "A"}',
        b'{"eventId": "a", "eventType": "A", "payload": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_envelope_is_refused_with_the_reason(body: bytes) -> None:
    with pytest.raises(EnvelopeError, match="not a native envelope: "):
        decode_event(body)


@pytest.mark.parametrize("payload", ["\ud800", object(), {"a": {1: object()}}])
def test_payload_that_is_not_json_is_refused(payload: Any) -> None:
    with pytest.raises(EnvelopeError, match="ORDER_CREATED cannot be written as JSON"):
        encode_event(new_event("ORDER_CREATED", payload))


def test_not_a_number_is_written_as_null() -> None:
    assert decode_event(encode_event(new_event("A", [math.nan]))).payload == [None]


@pytest.mark.parametrize("trace", ["", "rubbish", "00-short-b7ad6b7169203331-01"])
def test_malformed_trace_is_not_carried_on(trace: str) -> None:
    with handling(new_event("A", traceparent=trace)):
        assert new_event("B").traceparent == ""


def test_redrive_is_seen_only_where_it_is_an_object() -> None:
    redriven = new_event("A", metadata={"redrive": {"id": "r1", "attempt": 2}})

    assert redriven.redrive == {"id": "r1", "attempt": 2}
    assert new_event("A", metadata={"redrive": "r1"}).redrive is None
