"""Records, batches and a store to put them in."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.db import transaction

from ingest.models import Stream
from ingest.records import Batch, Position, Record, Slice, StreamRef
from ingest.store import open_store
from ingest.store.series import SeriesDictionary

__all__ = ["START", "Filler", "make_record", "make_stream"]

START = 1_700_000_000_000


def make_stream(topic: str = "orders-topic", partition: int = 0) -> StreamRef:
    row = Stream.objects.create(broker="main", topic=topic, partition=partition)
    return StreamRef(row.id, "main", topic, partition, False)


def make_record(
    number: int,
    *,
    at: int | None = None,
    minor: int = 0,
    type: str = "ORDER_CREATED",
    source: str = "order-service",
    correlation: str | None = None,
    keys: tuple[str, ...] = (),
    occurred: int | None = None,
    flags: int = 0,
    padding: str = "",
) -> Record:
    """A record whose body is the envelope that its fields tell."""
    at = START + number if at is None else at
    correlation = f"corr_{number}" if correlation is None else correlation
    envelope = {
        "eventId": f"evt_{number}",
        "eventType": type,
        "timestamp": at if occurred is None else occurred,
        "payload": {"orderId": keys[0] if keys else f"ORD_{number}", "padding": padding},
        "metadata": {"source": source, "correlationId": correlation, "keys": list(keys)},
    }
    body = json.dumps(envelope).encode()
    return Record(
        position=Position(at, minor),
        appended_ms=at,
        event_id=f"evt_{number}",
        event_type=type,
        source=source,
        body=body,
        size=len(body),
        occurred_ms=occurred,
        correlation_id=correlation,
        keys=keys,
        flags=flags,
    )


class Filler:
    """Appends records batch by batch, as the pipeline does."""

    def __init__(self, *, series_limit: int = 2_000) -> None:
        self.store = open_store()
        self.series = SeriesDictionary(limit=series_limit)

    def append(self, *slices: tuple[StreamRef, Sequence[Record]]) -> None:
        parts = [
            Slice(stream, Position(0, 0), records[-1].position, list(records), [])
            for stream, records in slices
            if records
        ]
        with transaction.atomic(using="events"):
            self.store.append(Batch(parts, START), self.series)
