"""Times are wider than 32 bits: what is compared with one, or counted from one, is the same on both databases."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from dashboard.fleet.instances import STEP_MS, read_instance_days
from ingest import leases
from ingest.folds.health import record_health
from ingest.folds.health_words import ComponentKey, HealthSample
from ingest.models import HealthComponent, Stream
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    database,
    postgres_database,
    postgres_options,
    postgres_server,
    sqlite_database,
    sqlite_template,
)

pytestmark = pytest.mark.usefixtures("database")

NOW_MS = 1_795_764_396_375


def test_how_far_a_stream_is_observed_is_the_time_that_was_told() -> None:
    leases.ensure_streams("main", [("orders", 0, False)])
    stream = Stream.objects.get()
    Stream.objects.update(owner="a")

    leases.observe("a", {stream.pk: NOW_MS})
    leases.observe("a", {stream.pk: NOW_MS + 1})

    stream.refresh_from_db()
    assert (stream.observed_from_ms, stream.observed_until_ms) == (NOW_MS, NOW_MS + 1)


@pytest.mark.parametrize("number", [2**31 - 1, 2**31, -(2**31) - 1, 2**62])
def test_number_in_an_expression_arrives_as_it_is(number: int) -> None:
    leases.ensure_streams("main", [("orders", 0, False)])
    Stream.objects.update(newest_ms=-(2**63))

    Stream.objects.update(newest_ms=Greatest(F("newest_ms"), number))

    assert Stream.objects.get().newest_ms == number


def test_results_are_counted_in_the_step_of_their_time() -> None:
    key = ComponentKey("store", "orders", "orders-1")
    told = ((2, "healthy"), (1, "unhealthy"))
    with transaction.atomic(using="events"):
        record_health(
            [HealthSample(key, NOW_MS - ago * STEP_MS, status, 1.0) for ago, status in told]
        )

    (day,) = read_instance_days([HealthComponent.objects.get().pk], now_ms=NOW_MS).values()

    assert day.steps[-3:] == ("healthy", "unhealthy", "unknown")
