"""How each instance was over a day, and where its service stands in the flow."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from dashboard.accounts.models import Role
from dashboard.fleet.instances import SPAN_MS, STEP_MS, day_of, read_instance_days
from dashboard.fleet.neighbours import Neighbour, Neighbours, neighbours_of
from ingest.models import HealthResult, Series
from tests.dashboard.care import client_for, make_component

COUNT = SPAN_MS // STEP_MS
NOW = 1_800_000_000_000 // STEP_MS * STEP_MS + 60_000


def test_a_step_is_the_worst_that_was_told_in_it_and_silence_is_unknown() -> None:
    day = day_of([(0, "healthy", 9), (0, "degraded", 1), (2, "unhealthy", 2), (2, "healthy", 5)])
    assert day.steps == ("degraded", "unknown", "unhealthy", *["unknown"] * (COUNT - 3))
    assert (day.results, day.failures) == (17, 2)
    assert day.words == "2 of 17 results unhealthy in the last 24 hours"
    assert day_of([]).words == "nothing told in the last 24 hours"


@pytest.mark.django_db(databases=["events"])
def test_each_instance_is_told_apart() -> None:
    rows = [make_component(instance=name) for name in ("one", "two")]
    HealthResult.objects.all().delete()
    for row, at_ms, status in (
        (rows[0], NOW, "healthy"),
        (rows[1], NOW - STEP_MS, "unhealthy"),
        (rows[1], NOW - SPAN_MS - 1, "unhealthy"),
        (rows[1], NOW + 1, "unhealthy"),
    ):
        HealthResult.objects.create(component=row, at_ms=at_ms, status=status)

    found = read_instance_days([row.pk for row in rows], now_ms=NOW)

    assert [found[row.pk].steps[-2:] for row in rows] == [
        ("unknown", "healthy"),
        ("unhealthy", "unknown"),
    ]
    assert found[rows[1].pk].results == 1


def test_neighbours_are_who_publishes_what_it_consumes_and_the_other_way() -> None:
    series = [
        ("orders", "", "orders-topic"),
        ("till", "", "orders-topic"),
        ("", "payment", "orders-topic"),
        ("payment", "", "payments-topic"),
        ("payment", "", "orders-topic"),
        ("", "mail", "payments-topic"),
        ("", "books", "payments-topic"),
        ("", "books", "orders-topic"),
        ("far", "", "elsewhere"),
    ]
    assert neighbours_of({"payment"}, series) == Neighbours(
        [Neighbour("orders", ("orders-topic",)), Neighbour("till", ("orders-topic",))],
        [
            Neighbour("books", ("orders-topic", "payments-topic")),
            Neighbour("mail", ("payments-topic",)),
        ],
    )
    assert neighbours_of({"nobody"}, series) == Neighbours([], [])


@pytest.mark.django_db(databases=["default", "events"])
def test_the_page_of_a_component_shows_both() -> None:
    now = time.time_ns() // 1_000_000
    make_component("database", service="payment", seen_ms=now, status="unhealthy")
    for source, consumer in (("orders", ""), ("", "payment")):
        Series.objects.create(type="A", source=source, consumer=consumer, topic="orders-topic")
    viewer: Client = client_for(Role.VIEWER)

    text = " ".join(viewer.get("/health/database/").content.decode().split())

    assert "1 of 1 results unhealthy in the last 24 hours" in text
    assert '<b>orders</b><span class="es-muted">by orders-topic</span>' in text
    assert "Nobody consumes what it publishes." in text
