"""On PostgreSQL workers store side by side: what one has not committed yet, no other waits for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, transaction

from ingest import leases
from ingest.envelopes.decoder import Decoder
from ingest.folds import apply_folds
from ingest.leases import Claimed, Progress
from ingest.models import Series, Stream
from ingest.options import IngestOptions
from ingest.records import Batch, Message, Position, Slice
from ingest.store.series import SeriesDictionary
from ingest.store.sql import SqlEventStore
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    postgres_database,
    postgres_options,
    postgres_server,
)

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("postgres_database")]

AT = 1_800_000_000_000
SECONDS = 90
NO_WAIT = "SET LOCAL lock_timeout = '1500ms'"
TYPES = ("ORDER_CREATED", "INVENTORY_UPDATED")


class Worker:
    """One that has ``stream`` and stores a batch of everything that services tell."""

    def __init__(self, stream: Claimed) -> None:
        self.claimed = stream
        self.series = SeriesDictionary()
        self._at = AT

    def store(self) -> None:
        """Within the caller's transaction, as `ingest.committing` does."""
        batch, progress = self._batch()
        leases.advance(batch, self.claimed.stream.topic, progress, lease=60)
        SqlEventStore().append(batch, self.series)
        apply_folds(batch, self.series)

    def _batch(self) -> tuple[Batch, dict[int, Progress]]:
        self._at += 1000
        topic = self.claimed.stream.topic
        found = [
            Message(Position(self._at, number), self._at, None, json.dumps(each).encode(), ())
            for number, each in enumerate(told(topic, self._at))
        ]
        records, quarantined = Decoder(IngestOptions()).decode_all(found, topic)
        assert not quarantined
        until, after = found[-1].position, self.claimed.position
        self.claimed = self.claimed._replace(position=until)
        part = Slice(self.claimed.stream, after, until, records, [])
        made = Progress(self.claimed.fence, None, 0, self._at, self._at)
        return Batch([part], self._at), {self.claimed.stream.id: made}


def told(topic: str, at: int) -> Iterator[dict[str, Any]]:
    """Events of the same types, their receipts by the same consumer; a service, its health and its breaker.

    Rows of one service, component or breaker are folded by one worker at a time, last in its transaction.
    """
    ids = [f"evt_{topic}_{at}_{number}" for number in range(len(TYPES))]
    for type, id in zip(TYPES, ids, strict=True):
        yield envelope(id, type, {"orderId": "ORD_1"}, at)
    receipts = [
        {
            "eventId": id, "eventType": type, "consumer": "inventory", "consumerGroup": "inventory",
            "topic": topic, "offset": "1-1", "attempt": 1, "outcome": "success", "producedAt": stamp(at),
            "startedAt": stamp(at), "endedAt": stamp(at + 5), "durationMs": 5.0,
        }
        for type, id in zip(TYPES, ids, strict=True)
    ]  # fmt: skip
    service = {"service": f"shop-{topic}", "instance": "1", "version": "1.0"}
    yield envelope(f"r_{topic}_{at}", "ProcessingReceipts", {"receipts": receipts}, at)
    yield envelope(f"s_{topic}_{at}", "ServiceStarted", service, at)
    health = {**service, "component": f"database-{topic}", "status": "healthy", "latencyMs": 2.0}
    yield envelope(f"h_{topic}_{at}", "HealthCheck", health, at)
    breaker = {
        **service,
        "name": f"provider-{topic}",
        "from": "closed",
        "to": "open",
        "reason": "5 failures",
    }
    yield envelope(f"b_{topic}_{at}", "CircuitBreakerStateChanged", breaker, at)


def envelope(id: str, type: str, payload: dict[str, Any], at: int) -> dict[str, Any]:
    metadata = {"source": "inventory", "version": "1.0", "correlationId": f"corr_{id}"}
    return {
        "eventId": id,
        "eventType": type,
        "timestamp": stamp(at),
        "payload": payload,
        "metadata": metadata,
    }


def stamp(at: int) -> str:
    return f"2027-01-15T08:{at // 60_000 % 60:02d}:{at // 1000 % 60:02d}.{at % 1000:03d}Z"


def worker(topic: str) -> Worker:
    leases.ensure_streams("main", [(topic, 0, False)])
    stream = Stream.objects.get(topic=topic)
    [claimed] = leases.claim_streams(topic, [stream.pk], lease=60)
    return Worker(claimed)


def holding(first: Worker, held: threading.Event, go_on: threading.Event) -> None:
    try:
        with transaction.atomic(using="events"):
            first.store()
            held.set()
            go_on.wait(SECONDS)
    finally:
        held.set()
        connections["events"].close()


def test_nobody_waits_or_sleeps_for_ever_with_locks_in_hand() -> None:
    with connections["events"].cursor() as cursor:
        told = {
            name: cursor.execute(f"SHOW {name}").fetchone()[0]
            for name in ("lock_timeout", "idle_in_transaction_session_timeout", "search_path")
        }
    assert told == {
        "lock_timeout": "1min",
        "idle_in_transaction_session_timeout": "5min",
        "search_path": "eventscope_events",
    }


def test_a_batch_is_stored_while_another_worker_has_not_committed_its_own() -> None:
    first, second = worker("orders-topic"), worker("payments-topic")
    for one in (first, second):
        with transaction.atomic(using="events"):
            one.store()  # names and rows that both know from now on
    held, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=holding, args=(first, held, go_on), daemon=True)
    thread.start()
    try:
        assert held.wait(SECONDS)
        with transaction.atomic(using="events"):
            with connections["events"].cursor() as cursor:
                cursor.execute(NO_WAIT)
            second.store()
    finally:
        go_on.set()
        thread.join(SECONDS)

    assert [one.stored for one in Stream.objects.order_by("topic")] == [12, 12]
    assert Series.objects.filter(type="ORDER_CREATED", consumer="inventory").count() == 2
