"""Puts handled events into the metrics, as an ingest worker would, without a broker."""

from __future__ import annotations

import itertools
import time

from django.db import transaction

from ingest.folds import apply_folds
from ingest.models import Stream
from ingest.records import Batch, Position, Record, Slice, StreamRef
from ingest.store.series import SeriesDictionary
from ingest.system import Receipt, Receipts

__all__ = ["Seeder"]


class Seeder:
    """One stream of events, each with its receipt, observed from ``since_ms`` on."""

    def __init__(self, since_ms: int, topic: str = "orders-topic") -> None:
        self.row = Stream.objects.create(
            broker="main",
            topic=topic,
            observed_from_ms=since_ms,
            observed_until_ms=since_ms,
            owner="seeder",
        )
        self._numbers = itertools.count(1)
        self._series = SeriesDictionary()

    def add(
        self,
        at_ms: int,
        count: int = 1,
        *,
        type: str = "ORDER_CREATED",
        source: str = "order-service",
        consumer: str = "inventory",
        group: str = "",
        outcome: str = "success",
        took_ms: float = 20.0,
    ) -> None:
        """``count`` events appended at ``at_ms`` and handled at once, taking ``took_ms`` each."""
        events = [self._event(at_ms, type, source) for _ in range(count)]
        receipts = [
            Receipt(
                event_id=event.event_id,
                consumer=consumer,
                consumer_group=group,
                outcome=outcome,
                event_type=type,
                topic=self.row.topic,
                offset=f"{at_ms}-0",
                produced_at=at_ms - 3,
                started_at=at_ms + 5,
                ended_at=at_ms + 5 + took_ms,
                duration_ms=took_ms,
            )
            for event in events
        ]
        told = self._event(at_ms, "ProcessingReceipts", consumer)
        told.detail = Receipts(receipts)
        self._store([*events, told])

    def observe(self, until_ms: int) -> None:
        """Everything appended up to ``until_ms`` is stored, as far as anybody knows."""
        Stream.objects.filter(pk=self.row.pk).update(
            observed_until_ms=until_ms, leased_until=time.time() + 60
        )

    def _event(self, at_ms: int, type: str, source: str) -> Record:
        number = next(self._numbers)
        return Record(
            position=Position(at_ms, number),
            appended_ms=at_ms,
            event_id=f"evt_{number}",
            event_type=type,
            source=source,
            body=b"{}",
            size=2,
            occurred_ms=at_ms - 3,
        )

    def _store(self, records: list[Record]) -> None:
        newest = records[-1].position
        ref = StreamRef(self.row.pk, self.row.broker, self.row.topic, 0, dead_letters=False)
        part = Slice(ref, Position(0, 0), newest, records, [])
        with transaction.atomic(using="events"):
            apply_folds(Batch([part], newest.major), self._series)
            self.row.stored += len(records)
            self.row.newest_ms = newest.major
            self.row.save(update_fields=["stored", "newest_ms"])
