"""A day of events with their receipts, as prepared batches: what a store holds when people ask it.

Of a hundred events one needs a second attempt, of a thousand one fails; `RARE` of all are given up and
`RARE` take half a minute, evenly over the day. Receipts come a hundred a message, by one consumer a type.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

__all__ = ["RARE", "History", "fill_store"]

RARE = 20
BATCH = 10_000
DAY_MS = 86_400_000
TOLD_AT_ONCE = 100
TYPES = [
    f"{noun}_{verb}"
    for noun in ("ORDER", "PAYMENT", "STOCK")
    for verb in ("NEW", "SET", "OUT", "END")
]
SOURCES = 6


class History(NamedTuple):
    """What was stored, for the questions: some ids, and the end of the day (ms)."""

    ids: list[str]
    correlations: list[str]
    customers: list[str]
    until_ms: int


class _Day:
    def __init__(self, events: int, until_ms: int) -> None:
        self.events = events
        self.from_ms = until_ms - DAY_MS
        self.chance = random.Random(5)
        self.rare = max(1, events // RARE)

    def at(self, number: int) -> int:
        return self.from_ms + number * DAY_MS // self.events

    def outcome(self, number: int) -> tuple[str, int]:
        """(outcome, attempt) of an event's only receipt."""
        if number % self.rare == self.rare // 2:
            return "dead_lettered", 3
        if number % 1000 == 7:
            return "failed", 1
        return "success", 2 if number % 100 == 3 else 1

    def took(self, number: int) -> float:
        slow = number % self.rare == self.rare // 3
        return 30_000.0 if slow else round(self.chance.lognormvariate(2, 0.7), 2)


def fill_store(events: int, until_ms: int) -> History:
    """Migrate, store and count a day of ``events`` that ends at ``until_ms``."""
    from django.core.management import call_command
    from django.db import transaction

    from ingest.folds import apply_folds
    from ingest.models import Stream
    from ingest.records import Batch, Position, Slice, StreamRef
    from ingest.store.series import SeriesDictionary
    from ingest.store.sql import SqlEventStore

    for alias in ("default", "events"):
        call_command("migrate", database=alias, verbosity=0, skip_checks=True)
    day = _Day(events, until_ms)
    observed = {"observed_from_ms": day.from_ms, "observed_until_ms": until_ms}
    rows = [
        Stream.objects.create(broker="main", topic=name, **observed) for name in ("stored", "told")
    ]
    streams = [StreamRef(row.pk, "main", row.topic, 0, False) for row in rows]
    store, series = SqlEventStore(), SeriesDictionary()
    ids, correlations = [], []
    for first in range(0, events, BATCH):
        records, receipts = _batch(day, range(first, min(events, first + BATCH)))
        parts = [
            Slice(stream, Position(0, 0), some[-1].position, some, [])
            for stream, some in zip(streams, (records, receipts), strict=True)
        ]
        batch = Batch(parts, until_ms)
        with transaction.atomic(using="events"):
            store.append(batch, series)
            apply_folds(batch, series)
        store.maintain()
        ids += [record.event_id for record in records[:: BATCH // 20]]
        correlations += [record.correlation_id for record in records[:: BATCH // 20]]
    while store.maintain():
        pass
    _merge_pieces()
    return History(ids, correlations, [f"C_{number:05d}" for number in range(500)], until_ms)


def _merge_pieces() -> None:
    """As the maintainer of ingest does, meanwhile."""
    from ingest.folds.pieces import PieceKeeper

    keeper = PieceKeeper(quiet=0)
    while keeper.step():
        pass


def _batch(day: _Day, numbers: range) -> tuple[list[Any], list[Any]]:
    records, receipts = [], []
    for start in range(numbers.start, numbers.stop, TOLD_AT_ONCE):
        some = range(start, min(numbers.stop, start + TOLD_AT_ONCE))
        made = [_event(day, number) for number in some]
        records += made
        receipts.append(_message(day, some, made))
    return records, receipts


def _event(day: _Day, number: int) -> Any:
    from ingest.records import Position, Record

    at, event_id = day.at(number), f"evt_{day.chance.getrandbits(96):024x}"
    correlation, kind = f"corr_{number // 100:020d}", TYPES[number % len(TYPES)]
    source, customer = f"service-{number % SOURCES}", f"C_{number * 7919 % 50_000:05d}"
    body = (
        f'{{"eventId":"{event_id}","eventType":"{kind}","timestamp":{at},"payload":{{"orderId":"ORD_{number}",'
        f'"customerId":"{customer}","items":[{{"sku":"SKU_{number % 53}","quantity":{1 + number % 3}}}]}},'
        f'"metadata":{{"source":"{source}","version":"1.0","correlationId":"{correlation}"}}}}'
    ).encode()
    body = body[:-1] + b" " * (367 - len(body)) + b"}"
    keys = (f"ORD_{number}", customer)
    place = Position(at, number % 1000)
    return Record(place, at, event_id, kind, source, body, len(body), at, correlation, keys=keys)


def _message(day: _Day, numbers: range, events: list[Any]) -> Any:
    import msgspec

    from ingest.records import Position, Record
    from ingest.system import Receipt, Receipts

    at, name = events[-1].appended_ms + 20, f"receipts_{numbers.start}"
    told = []
    for number, event in zip(numbers, events, strict=True):
        outcome, attempt = day.outcome(number)
        kind, began = event.event_type, event.appended_ms
        told.append(
            Receipt(
                event_id=event.event_id,
                event_type=kind,
                consumer=f"{kind.lower()}-handler",
                consumer_group="workers",
                topic="stored",
                offset=f"{began}-{number % 1000}",
                outcome=outcome,
                attempt=attempt,
                produced_at=began,
                started_at=began + 2,
                ended_at=began + 12,
                duration_ms=day.took(number),
            )
        )
    detail = Receipts(told)
    envelope = {
        "eventId": name,
        "eventType": "ProcessingReceipts",
        "timestamp": at,
        "payload": detail,
    }
    body = msgspec.json.encode({**envelope, "metadata": {"source": "kit", "correlationId": name}})
    return Record(
        Position(at, numbers.start % 1000),
        at,
        name,
        "ProcessingReceipts",
        "kit",
        body,
        len(body),
        at,
        name,
        keys=tuple(event.event_id for event in events),
        detail=detail,
    )
