"""MassTransit's envelope, as version 8 writes it."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.envelopes import FORMAT_NAMES
from ingest.records import Flag
from tests.ingest.envelopes.factories import record

ID, CONVERSATION, INITIATOR, CORRELATION = (
    f"181c0000-6393-3630-{n:04x}-08daf4e7c6da" for n in range(4)
)


def masstransit(**changes: Any) -> dict[str, Any]:
    """An order that a service published from within a handler; None takes a member out."""
    whole = {
        "messageId": ID,
        "requestId": None,
        "correlationId": CORRELATION,
        "conversationId": CONVERSATION,
        "initiatorId": INITIATOR,
        "sourceAddress": "rabbitmq://localhost/shop/order-service?durable=true",
        "destinationAddress": "rabbitmq://localhost/Shop.Contracts:OrderPlaced",
        "messageType": [
            "urn:message:Shop.Contracts:OrderPlaced",
            "urn:message:Shop.Contracts:OrderEvent",
        ],
        "message": {"orderId": "ORD_1", "card": "4111"},
        "sentTime": "2024-04-03T10:00:00.1234567Z",
        "headers": {"tenant": "north"},
        "host": {"machineName": "web-1", "processName": "dotnet", "assembly": "Shop.Orders"},
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def test_ids_type_source_time_and_payload_are_found() -> None:
    made = record(masstransit())

    assert FORMAT_NAMES[made.flags & Flag.FORMAT_MASK] == "masstransit"
    assert (made.event_id, made.event_type) == (ID, "Shop.Contracts.OrderPlaced")
    assert (made.source, made.occurred_ms) == ("Shop.Orders", 1_712_138_400_123)
    assert (made.correlation_id, made.causation_id) == (CORRELATION, INITIATOR)
    assert made.keys == ("ORD_1",)


def test_conversation_correlates_where_no_correlation_id_is_given() -> None:
    assert record(masstransit(correlationId=None)).correlation_id == CONVERSATION


def test_own_id_correlates_where_there_is_nothing_else() -> None:
    assert record(masstransit(correlationId=None, conversationId=None)).correlation_id == ID


def test_sender_is_the_last_part_of_its_address_where_no_assembly_is_told() -> None:
    assert record(masstransit(host=None)).source == "order-service"


def test_trace_is_taken_from_the_headers_inside() -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    made = record(masstransit(headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}))

    assert made.trace_id == trace


def test_fault_is_caused_by_the_message_that_failed() -> None:
    fault = masstransit(
        initiatorId=None,
        messageType=["urn:message:MassTransit:Fault[[Shop.Contracts:OrderPlaced]]"],
        message={"faultId": "f", "faultedMessageId": INITIATOR, "exceptions": []},
    )
    made = record(fault)

    assert made.causation_id == INITIATOR
    assert made.event_type == "MassTransit.Fault[[Shop.Contracts.OrderPlaced]]"


@pytest.mark.parametrize(
    ("message_type", "expected"),
    [
        ([], "orders-topic"),
        ("urn:message:Shop:Paid", "Shop.Paid"),
        ([7], "7"),
        ([{}], "orders-topic"),
        (None, "orders-topic"),
    ],
)
def test_odd_type_falls_back_on_what_can_be_read(message_type: object, expected: str) -> None:
    body = masstransit() | {"messageType": message_type}

    assert record(body).event_type == expected


@pytest.mark.parametrize("sent", ["yesterday", "9999-12-31T00:00:00Z", -5, True, {}, "0001-01-01"])
def test_absurd_time_is_guessed_from_the_broker(sent: object) -> None:
    made = record(masstransit(sentTime=sent))

    assert made.occurred_ms is None


@pytest.mark.parametrize("message", [None, 5, "text", [1], {"faultedMessageId": {}}])
def test_any_message_is_stored(message: object) -> None:
    body = masstransit() | {"message": message, "host": 3, "headers": [1]}

    assert record(body).event_id == ID


def test_object_with_a_message_only_is_not_masstransit() -> None:
    made = record({"message": {"a": 1}, "messageType": "x"})

    assert FORMAT_NAMES[made.flags & Flag.FORMAT_MASK] == "opaque"
