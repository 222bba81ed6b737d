"""Messages to decode."""

from __future__ import annotations

import json
from typing import Any

from ingest.envelopes import Decoder
from ingest.options import IndexOptions, IngestOptions, LimitOptions, PrivacyOptions
from ingest.records import Message, Position, Record

__all__ = ["APPENDED", "decoder", "envelope", "message", "record"]

APPENDED = 1_795_514_400_000


def envelope(**changes: Any) -> dict[str, Any]:
    """The guide's example event; None takes a member out."""
    whole = {
        "eventId": "evt_123456",
        "eventType": "ORDER_CREATED",
        "timestamp": "2024-04-03T10:00:00Z",
        "payload": {"orderId": "ORD_789", "customerId": "CUST_456", "totalAmount": 59.98},
        "metadata": {"source": "order-service", "version": "1.0", "correlationId": "corr_123"},
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def message(
    body: object, *headers: tuple[str, str], key: bytes | None = None, minor: int = 0
) -> Message:
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    pairs = tuple((name.encode(), text.encode()) for name, text in headers)
    return Message(Position(APPENDED, minor), APPENDED, key, value, pairs)


def decoder(
    *, index: tuple[str, ...] | None = None, redact: tuple[str, ...] = (), body_bytes: int = 1 << 20
) -> Decoder:
    return Decoder(
        IngestOptions(
            index=IndexOptions() if index is None else IndexOptions(paths=index),
            privacy=PrivacyOptions(redact=redact),
            limits=LimitOptions(body_bytes=body_bytes),
        )
    )


def record(
    body: object,
    *headers: tuple[str, str],
    using: Decoder | None = None,
    topic: str = "orders-topic",
    dead_letters: bool = False,
) -> Record:
    made = (using or decoder()).decode(message(body, *headers), topic, dead_letters=dead_letters)
    assert isinstance(made, Record), made
    return made
