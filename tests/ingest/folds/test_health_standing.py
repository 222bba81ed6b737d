"""The history of components over the real tables: batches, workers, bounds."""

from __future__ import annotations

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from ingest.folds import rows
from ingest.folds.health import record_health
from ingest.folds.health_words import ComponentKey, HealthSample
from ingest.models import (
    HealthComponent,
    HealthPeriod,
    HealthSpan,
    HealthStanding,
    ServiceInstance,
)

pytestmark = pytest.mark.django_db(databases=["default", "events"])

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
START = 20_000 * DAY_MS
DB = ComponentKey("database", "orders", "orders-1")


def record(*told: tuple[int, str], key: ComponentKey = DB, latency_ms: float | None = None) -> None:
    samples = [HealthSample(key, START + at, status, latency_ms) for at, status in told]
    with transaction.atomic(using="events"):
        record_health(samples)


def spans() -> list[tuple[str, int, int]]:
    past = HealthSpan.objects.order_by("from_ms").values_list("status", "from_ms", "until_ms")
    (now,) = HealthStanding.objects.values_list("status", "from_ms", "seen_ms")
    return [(status, begin - START, end - START) for status, begin, end in [*past, now]]


def test_what_goes_on_is_one_span_over_many_batches() -> None:
    for second in range(0, 120, 30):
        record((second * 1000, "healthy"))

    assert spans() == [("healthy", 0, 90_000)]


def test_changes_and_silence_close_a_span() -> None:
    record((0, "healthy"))
    record((30_000, "unhealthy"), (60_000, "unhealthy"))
    record((600_000, "healthy"))
    record((630_000, "healthy"))

    assert spans() == [
        ("healthy", 0, 30_000),
        ("unhealthy", 30_000, 150_000),
        ("unknown", 150_000, 600_000),
        ("healthy", 600_000, 630_000),
    ]


def test_hours_and_days_are_added_up_with_their_latencies() -> None:
    record((HOUR_MS - 30_000, "healthy"), latency_ms=4.0)
    record((HOUR_MS + 10_000, "degraded"), latency_ms=10.0)
    record((HOUR_MS + 40_000, "degraded"))

    found = {
        (row.seconds, row.begin_ms - START): (
            row.healthy_ms, row.degraded_ms, row.results, row.failures,
            row.timed, row.latency_ms, row.slowest_ms,
        )
        for row in HealthPeriod.objects.all()
    }  # fmt: skip
    assert found == {
        (3600, 0): (30_000, 0, 1, 0, 1, 4.0, 4.0),
        (3600, HOUR_MS): (10_000, 30_000, 2, 2, 1, 10.0, 10.0),
        (86400, 0): (40_000, 30_000, 3, 2, 2, 14.0, 10.0),
    }


def test_instances_of_a_component_have_one_history() -> None:
    record((0, "healthy"))
    record((1_000, "unhealthy"), key=DB._replace(instance="orders-2"))
    record((2_000, "healthy"))
    record((3_000, "healthy"), key=DB._replace(instance="orders-2"))
    record((4_000, "healthy"))

    assert spans() == [("healthy", 0, 1_000), ("unhealthy", 1_000, 3_000), ("healthy", 3_000, 4_000)]  # fmt: skip


def test_history_outlives_the_rows_of_instances() -> None:
    record((0, "healthy"), (30_000, "unhealthy"))
    HealthComponent.objects.all().delete()
    record((60_000, "healthy"), key=DB._replace(instance="another"))

    assert spans()[0] == ("healthy", 0, 30_000)
    assert HealthStanding.objects.count() == 1


def test_unwell_just_after_a_start_is_not_yet_known() -> None:
    ServiceInstance.objects.create(
        service="orders", instance="orders-1", started_ms=START, seen_ms=START
    )
    record((1_000, "unhealthy"), (29_000, "unhealthy"))
    (row,) = HealthComponent.objects.all()
    assert (row.status, row.failures) == ("unknown", 0)

    record((31_000, "unhealthy"))

    assert spans() == [("unknown", 1_000, 31_000), ("unhealthy", 31_000, 31_000)]


def test_many_components_cost_no_more_queries() -> None:
    def told(at: int, components: int) -> list[HealthSample]:
        return [
            HealthSample(DB._replace(component=f"c{n}"), START + at, "healthy")
            for n in range(components)
        ]

    record_health(told(0, 30))
    counts = []
    for at, components in ((1, 1), (2, 30)):
        with CaptureQueriesContext(connections["events"]) as queries:
            record_health(told(at, components))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_names_that_are_made_up_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows.evict_oldest, "__kwdefaults__", {"most": 3})
    for number in range(5):
        record((number, "healthy"), key=DB._replace(component=f"c{number}"))

    names = HealthStanding.objects.order_by("component").values_list("component", flat=True)
    assert list(names) == ["c2", "c3", "c4"]
    assert HealthPeriod.objects.count() == 6
