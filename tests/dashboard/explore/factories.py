"""Stored events as ingest would leave them: envelopes decoded and appended, state rows beside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction

from eventscope.stamps import format_ms
from ingest.envelopes import decode
from ingest.folds import apply_folds
from ingest.models import DeadLetter, Stream
from ingest.queries.events import shared_store
from ingest.records import Batch, Message, Position, Quarantined, Record, Slice, StreamRef
from tests.ingest.store.factories import Filler

__all__ = ["START", "House", "envelope", "receipt"]

START = 1_795_600_000_000


def envelope(
    event_id: str,
    event_type: str = "ORDER_CREATED",
    *,
    at: int = 0,
    correlation: str = "corr_1",
    cause: str = "",
    source: str = "order-service",
    payload: Any = None,
) -> dict[str, Any]:
    metadata = {"source": source, "version": "1.0", "correlationId": correlation}
    if cause:
        metadata["causationId"] = cause
    return {
        "eventId": event_id,
        "eventType": event_type,
        "timestamp": format_ms(START + at),
        "payload": {"orderId": "ORD_789"} if payload is None else payload,
        "metadata": metadata,
    }


def receipt(
    event_id: str,
    consumer: str = "inventory-service",
    outcome: str = "success",
    *,
    at: int = 0,
    took: int = 10,
    attempt: int = 1,
    error: str = "",
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "eventId": event_id,
        "eventType": "ORDER_CREATED",
        "consumer": consumer,
        "consumerGroup": consumer,
        "instance": "host-1",
        "attempt": attempt,
        "maxAttempts": 3,
        "startedAt": format_ms(START + at),
        "endedAt": format_ms(START + at + took),
        "durationMs": took,
        "outcome": outcome,
    }
    if error:
        told["error"] = {"type": "PaymentError", "message": error, "stack": f"Traceback: {error}"}
    return told


class FoldingFiller(Filler):
    """Also counts what it stores, and tells how far its streams are stored."""

    def append(self, *slices: tuple[StreamRef, Sequence[Record]]) -> None:
        super().append(*slices)
        parts = [
            Slice(stream, Position(0, 0), records[-1].position, list(records), [])
            for stream, records in slices
        ]
        newest = max(records[-1].appended_ms for _, records in slices)
        with transaction.atomic(using="events"):
            apply_folds(Batch(parts, START), self.series)
        Stream.objects.update(observed_from_ms=START, observed_until_ms=newest + 1)


class House:
    """A store that is filled topic by topic; every call is one batch."""

    def __init__(self, *, folding: bool = False) -> None:
        shared_store.cache_clear()
        self._filler = FoldingFiller() if folding else Filler()
        self._streams: dict[str, StreamRef] = {}

    def stream(self, topic: str, *, dead_letters: bool = False) -> StreamRef:
        if topic not in self._streams:
            row = Stream.objects.create(broker="main", topic=topic, dead_letters=dead_letters)
            self._streams[topic] = StreamRef(row.pk, "main", topic, 0, dead_letters)
        return self._streams[topic]

    def publish(
        self,
        envelopes: Iterable[dict[str, Any] | bytes],
        *,
        topic: str = "orders-topic",
        at: int = 5,
        step: int = 1,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        dead_letters: bool = False,
    ) -> list[Record]:
        """Append one every ``step`` ms from ``START + at`` on."""
        records = []
        for number, body in enumerate(envelopes):
            moment = START + at + number * step
            value = body if isinstance(body, bytes) else json.dumps(body).encode()
            record = decode(Message(Position(moment, 0), moment, None, value, headers), topic=topic)
            assert not isinstance(record, Quarantined), record.reason
            records.append(record)
        self.store(records, topic=topic, dead_letters=dead_letters)
        return records

    def store(self, records: list[Record], *, topic: str, dead_letters: bool = False) -> None:
        """Append what was decoded already."""
        self._filler.append((self.stream(topic, dead_letters=dead_letters), records))

    def receipts(self, receipts: list[dict[str, Any]], *, at: int = 100) -> None:
        """One `ProcessingReceipts` event."""
        body = envelope(
            f"receipts-{at}",
            "ProcessingReceipts",
            at=at,
            correlation=f"receipts-{at}",
            source="kit",
            payload={"receipts": receipts},
        )
        self.publish([body], topic="system-events", at=at)

    def dead_letter(self, event_id: str, **fields: Any) -> DeadLetter:
        stream = self.stream("failed-events")
        values = {
            "stream_id": stream.id,
            "major": START + DeadLetter.objects.count(),
            "minor": 0,
            "received_ms": START + 500,
            "event_id": event_id,
            "event_type": "ORDER_CREATED",
            "correlation_id": "corr_1",
            "topic": "orders-topic",
            "consumer": "payment-service",
            "consumer_group": "payment-service",
            "error_type": "PaymentError",
            "error_message": "declined",
            "attempts": 3,
            "last_failed_ms": START + 400,
            "fingerprint": "f1",
            "event": b"{}",
        }
        return DeadLetter.objects.create(**{**values, **fields})
