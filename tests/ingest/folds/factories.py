"""Records, receipts, batches and a dictionary of series that lives in memory."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.records import Batch, Position, Record, Slice, StreamRef
from ingest.system import Receipt, Receipts

__all__ = ["START", "MemorySeries", "make_batch", "make_receipt", "make_record", "make_ref", "tell"]

START = 1_700_000_000_000


class MemorySeries:
    """Ids from 1 on, in order of asking; no database."""

    def __init__(self) -> None:
        self.ids: dict[tuple[str, ...], int] = {}
        self.asked = 0

    def code(self, type: str, source: str, consumer: str, topic: str, group: str = "") -> int:
        self.asked += 1
        names = (type, source, consumer, topic, *filter(None, [group]))
        return self.ids.setdefault(names, len(self.ids) + 1)


def make_ref(topic: str = "orders-topic", *, id: int = 1, dead_letters: bool = False) -> StreamRef:
    return StreamRef(id, "main", topic, 0, dead_letters)


def make_record(
    at: int = START,
    *,
    type: str = "ORDER_CREATED",
    source: str = "order-service",
    occurred: int | None = None,
    detail: object | None = None,
    event_id: str = "evt_1",
    body: bytes = b"{}",
    headers: bytes = b"",
    minor: int = 0,
) -> Record:
    return Record(
        position=Position(at, minor),
        appended_ms=at,
        event_id=event_id,
        event_type=type,
        source=source,
        body=body,
        size=len(body),
        occurred_ms=occurred,
        detail=detail,
        headers=headers,
        correlation_id="corr_1",
    )


def make_receipt(
    *,
    type: str = "ORDER_CREATED",
    consumer: str = "inventory",
    topic: str = "orders-topic",
    outcome: str = "success",
    event_id: str = "evt_1",
    **rest: object,
) -> Receipt:
    return Receipt(
        event_id=event_id, event_type=type, consumer=consumer, topic=topic, outcome=outcome, **rest
    )


def tell(receipts: Sequence[Receipt], at: int = START) -> Record:
    """The message that carries ``receipts``."""
    return make_record(at, type="ProcessingReceipts", source="kit", detail=Receipts(list(receipts)))


def make_batch(*parts: tuple[StreamRef, list[Record]], read_ms: int = START) -> Batch:
    slices = [
        Slice(ref, Position(0, 0), Position(1 << 60, 0), records, []) for ref, records in parts
    ]
    return Batch(slices, read_ms)
