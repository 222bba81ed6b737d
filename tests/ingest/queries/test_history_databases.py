"""The history of components and the numbers of breakers are the same on a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import pytest
from django.db import transaction

from ingest.folds.breakers import BreakerKey, BreakerState, Change, record_breakers
from ingest.folds.health import record_health
from ingest.folds.health_words import ComponentKey, HealthSample
from ingest.models import Breaker
from ingest.queries.breakers import Numbers, find_breakers, read_changes, read_numbers
from ingest.queries.health_history import (
    Latency,
    find_standing,
    read_hours,
    read_latencies,
    read_spans,
)
from ingest.records import Position
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    database,
    postgres_database,
    postgres_options,
    postgres_server,
    sqlite_database,
    sqlite_template,
)

pytestmark = pytest.mark.usefixtures("database")

HOUR_MS = 3_600_000
START = 500_000 * HOUR_MS
STORE = ComponentKey("store", "orders", "orders-1")


def test_history_is_written_and_read() -> None:
    for batch in ((0, 30), (60, 90), (900, 930)):
        with transaction.atomic(using="events"):
            record_health(
                [
                    HealthSample(STORE, START + at * 1000, "degraded" if at == 60 else "healthy", 4.0 + at)
                    for at in batch
                ]
            )  # fmt: skip

    standing = find_standing("store")
    assert standing is not None
    spans = read_spans(standing, since_ms=START)
    assert [(span.status, (span.from_ms - START) // 1000) for span in spans] == [
        ("healthy", 0),
        ("degraded", 60),
        ("healthy", 90),
        ("unknown", 180),
        ("healthy", 900),
    ]
    (hour,) = read_hours(standing.pk, since_ms=START)
    assert (hour.healthy_ms, hour.degraded_ms, hour.results) == (180_000, 30_000, 6)
    assert read_latencies("store", since_ms=START, step_ms=600_000) == [
        Latency(START, 49.0, 94.0),
        Latency(START + 600_000, 919.0, 934.0),
    ]


def test_breakers_are_found_and_their_numbers_read() -> None:
    key = BreakerKey("b/c", "a", "i")
    for at in (0, 10, 20):
        state = BreakerState("open", START + at, START + at, error_rate=at / 100)
        with transaction.atomic(using="events"):
            record_breakers([Change(key, "closed", state, 1, Position(START, at))])

    (row,) = find_breakers("a/b/c")
    assert row == Breaker.objects.get()
    assert [change.to_state for change in read_changes([row], since_ms=START)[row.pk]] == ["open"]
    (numbers,) = read_numbers([row], since_ms=START, step_ms=60_000)
    assert numbers == Numbers(START, pytest.approx(0.15), None, None)
