"""The page of one component, and the same through the API, over rows that ingest wrote."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import Role
from ingest.folds.health import record_health
from ingest.folds.health_words import ComponentKey, HealthSample
from ingest.models import HealthComponent
from tests.dashboard.care import HOSTILE, client_for

pytestmark = pytest.mark.django_db(databases=["default", "events"])

MINUTE_MS = 60_000
REFUSED = ({"name": "ping", "status": "unhealthy", "latencyMs": None, "output": "refused"},)


@pytest.fixture
def viewer() -> Client:
    return client_for(Role.VIEWER)


def tell(*told: str, component: str = "store", checks: Any = (), every_ms: int = MINUTE_MS) -> int:
    """One result every minute up to now; when the first was told."""
    now = time.time_ns() // 1_000_000
    first = now - (len(told) - 1) * every_ms
    key = ComponentKey(component, "orders", "orders-1")
    samples = [
        HealthSample(key, first + n * every_ms, status, 4.0, REFUSED if status == "unhealthy" else checks)
        for n, status in enumerate(told)
    ]  # fmt: skip
    with transaction.atomic(using="events"):
        record_health(samples)
    return first


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_component_never_told_of_is_not_found(viewer: Client) -> None:
    assert viewer.get("/health/nobody/").status_code == 404
    answer = viewer.get("/api/v1/health/nobody")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "No component of this name was ever told of.",
    )


def test_page_tells_uptime_incident_and_reason(viewer: Client) -> None:
    tell("healthy", "healthy", "unhealthy", "healthy", "healthy")

    text = text_of(viewer, "/health/store/")

    assert "<h1>store</h1>" in text
    assert "75%" in text
    assert "unhealthy 1 m" in text
    assert "ping: refused (orders-1)" in text
    assert re.search(r'aria-label="90 days: \d with unhealthy time', text)


def test_api_tells_the_same(viewer: Client) -> None:
    first = tell("healthy", "unhealthy", "healthy", checks=({"name": "disk", "status": "healthy"},))

    body = viewer.get("/api/v1/health/store").json()

    assert (body["id"], body["status"], body["reporting"]) == ("store", "healthy", 1)
    assert {one["window"]: one["uptime"] for one in body["uptimes"]}["7d"] == 0.5
    (incident,) = body["incidents"]
    assert (incident["status"], incident["durationMs"]) == ("unhealthy", MINUTE_MS)
    assert (incident["followedBy"], incident["reason"]) == ("healthy", "ping: refused (orders-1)")
    assert incident["startedAt"].startswith(
        time.strftime("%Y-%m-%dT%H:%M", time.gmtime((first + MINUTE_MS) / 1000))
    )
    assert len(body["days"]) == 90
    assert body["days"][0]["status"] == "unknown"
    assert body["needs"] == [{"name": "disk", "kind": "check", "status": "healthy"}]
    assert body["neededBy"] == [{"name": "orders", "kind": "service", "status": "healthy"}]


def test_silence_is_shown_as_unknown_and_counts_neither_way(viewer: Client) -> None:
    tell("healthy", "healthy", every_ms=30 * MINUTE_MS)

    body = viewer.get("/api/v1/health/store").json()

    (day, *_) = body["uptimes"]
    assert day["uptime"] == 1.0
    assert day["known"] < 0.06
    assert "of the time known" in text_of(viewer, "/health/store/")


def test_history_is_shown_after_all_instances_have_gone(viewer: Client) -> None:
    tell("healthy", "unhealthy")
    HealthComponent.objects.all().delete()

    text = text_of(viewer, "/health/store/")

    assert "Only its history is left." in text
    assert viewer.get("/api/v1/health/store").json()["status"] == "unknown"


@pytest.mark.parametrize("wanted", ["24h", "7d", "30d"])
def test_latency_is_drawn_for_the_range_asked_for(viewer: Client, wanted: str) -> None:
    tell("healthy", "healthy", "unhealthy", "healthy")

    page = viewer.get("/health/store/", {"range": wanted})

    figure = page.context["figure"]
    slowest, mean = figure["data"]
    assert {y for y in slowest["y"] if y is not None} == {4.0}
    assert {y for y in mean["y"] if y is not None} == {4.0}
    (band,) = figure["layout"]["shapes"]
    assert band["fillcolor"] == "var(--es-bad-soft)"
    script = re.search(r'<script id="latency-figure"[^>]*>(.*?)</script>', page.content.decode())
    assert script is not None
    assert json.loads(script.group(1))["layout"]["xaxis"]["range"] == figure["layout"]["xaxis"]["range"]  # fmt: skip


def test_a_range_that_is_not_known_shows_the_first(viewer: Client) -> None:
    tell("healthy")
    assert viewer.get("/health/store/", {"range": "1000y"}).context["range"] == "24h"


def test_components_that_name_each_other_are_linked(viewer: Client) -> None:
    tell("healthy", component="a/store")
    tell(
        "healthy",
        component="shop",
        checks=({"name": "a/store", "status": "degraded", "output": "slow"},),
    )

    assert '<a href="/health/a/store/">a/store</a><span class="es-muted">slow</span>' in text_of(
        viewer, "/health/shop/"
    )
    assert '<a href="/health/shop/">shop</a>' in text_of(viewer, "/health/a/store/")
    assert '<a href="/health/a/store/">a/store</a>' in text_of(viewer, "/health/")


def test_names_that_no_address_can_hold_do_not_break_the_list(viewer: Client) -> None:
    tell("healthy", component="")
    tell("healthy", component="two\nlines")
    tell("healthy", component=HOSTILE[:190])

    text = text_of(viewer, "/health/")

    assert "<script>alert" not in text
    assert text.count('class="fl-days"') == 3


def test_htmx_gets_the_living_part_only(viewer: Client) -> None:
    tell("healthy")
    text = viewer.get("/health/store/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in text
    assert "Uptime" in text


def test_page_asks_the_same_number_of_queries_for_1_and_for_30(viewer: Client) -> None:
    counts = []
    tell("healthy", "unhealthy", "healthy")
    viewer.get("/health/store/")
    for start, end in ((0, 1), (1, 30)):
        for number in range(start, end):
            tell("healthy", "unhealthy", "healthy", component=f"c{number}")
            tell("unhealthy", "healthy", every_ms=1000)
        with (
            CaptureQueriesContext(connections["default"]) as default,
            CaptureQueriesContext(connections["events"]) as events,
        ):
            viewer.get("/health/store/")
        counts.append((len(default), len(events)))
    assert counts[0] == counts[1]
