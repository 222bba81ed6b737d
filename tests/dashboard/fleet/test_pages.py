"""Health, breakers and consumers: what the pages say of real rows."""

from __future__ import annotations

import time
from html import unescape

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import Role
from dashboard.fleet.models import BacklogSample, Duty
from ingest.models import ServiceInstance
from tests.dashboard.care import HOSTILE, client_for, make_breaker, make_component, make_group
from tests.dashboard.live.seeding import Seeder

pytestmark = pytest.mark.django_db(databases=["default", "events"])

PAGES = ["/health/", "/breakers/", "/consumers/"]


@pytest.fixture
def viewer() -> Client:
    return client_for(Role.VIEWER)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def text_of(client: Client, path: str, **query: str) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


@pytest.mark.parametrize("path", PAGES)
def test_pages_want_a_sign_in(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("path", PAGES)
def test_every_role_may_look(path: str, role: Role) -> None:
    assert client_for(role).get(path).status_code == 200


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/health/", "No component is known yet"),
        ("/breakers/", "No breaker is known yet"),
        ("/consumers/", "No consumer group yet"),
    ],
)
def test_empty_page_says_how_it_fills(viewer: Client, path: str, words: str) -> None:
    assert words in text_of(viewer, path)


def test_component_is_told_merged_and_each_instance(viewer: Client) -> None:
    at = now_ms()
    make_component("db", "one", seen_ms=at)
    make_component(
        "db", "two", seen_ms=at, status="unhealthy", failures=4,
        checks=[{"name": "ping", "status": "unhealthy", "output": "refused"}],
    )  # fmt: skip
    make_component("cache", "old", seen_ms=at - 200_000)
    text = text_of(viewer, "/health/")
    assert "All 2" in text
    assert "Unhealthy 1" in text
    assert "Unknown 1" in text
    assert "refused" in text
    assert "4 (unhealthy at 3)" in text
    assert "2 of 2" in text
    assert text.index(">db<") < text.index(">cache<")


def test_health_can_be_narrowed_to_one_status(viewer: Client) -> None:
    make_component("db", seen_ms=now_ms())
    make_component("cache", seen_ms=now_ms(), status="unhealthy", failures=3)
    text = text_of(viewer, "/health/", status="unhealthy")
    assert ">cache</a></h2>" in text
    assert ">db</a></h2>" not in text
    assert ">db</a></h2>" in text_of(viewer, "/health/", status="nonsense")


def test_health_says_what_monitor_does_and_what_fails(viewer: Client) -> None:
    assert "Monitor has not run yet" in text_of(viewer, "/health/")
    Duty.objects.create(name="probes", ran_ms=now_ms(), ok_ms=now_ms(), runs=3, every_ms=30_000)
    Duty.objects.create(name="ticks", ran_ms=now_ms(), failing=2, failures=2, error="broker gone")
    text = text_of(viewer, "/health/")
    assert "at work" in text
    assert "broker gone" in text
    Duty.objects.update(ran_ms=now_ms() - 60_000)
    assert "not at work" in text_of(viewer, "/health/")


def test_breaker_of_an_instance_that_has_stopped_is_stale_and_refuses_nobody(
    viewer: Client,
) -> None:
    at = now_ms()
    row = make_breaker(since_ms=at - 20_000, seen_ms=at - 20_000)
    ServiceInstance.objects.create(
        service=row.service, instance=row.instance, stopped_ms=at - 5_000, seen_ms=at
    )

    answer = viewer.get("/breakers/")

    (card,) = answer.context["cards"]
    assert (card.stale, card.open, card.next_probe_ms) == (True, 0, None)
    page = " ".join(answer.content.decode().split())
    assert "none refuses" in page
    assert "before it ended" in page
    assert "nothing heard: its process ended" in page
    (one,) = card.instances
    assert [part.state for part in one.segments][-2:] == ["open", "silent"]


def test_breaker_tells_state_next_probe_and_failures(viewer: Client) -> None:
    at = now_ms()
    make_breaker(since_ms=at - 20_000, seen_ms=at)
    make_breaker(instance="two", state="closed", since_ms=at - 50_000, seen_ms=at, failure_count=0)
    make_breaker("stock", state="half_open", since_ms=at, seen_ms=at)
    answer = viewer.get("/breakers/")
    first, second = answer.context["cards"]
    assert (first.name, first.state, first.open) == ("payment-provider", "open", 1)
    assert first.next_probe_ms == at + 40_000
    assert (second.name, second.state, second.next_probe_ms) == ("stock", "half_open", None)
    text = " ".join(answer.content.decode().split())
    for words in ("1 of 2 instances refuse", "5 failures in a row", "(over 10.0%)", "1 trying"):
        assert words in text


def test_consumer_tells_backlog_and_advice(viewer: Client) -> None:
    at = now_ms()
    make_group("inventory", lag=4200, pending=10, consumers=2, sampled_ms=at)
    make_group("inventory", "payments-topic", lag=0, pending=0, consumers=1, sampled_ms=at)
    make_group("idle", lag=0, pending=0, consumers=0, sampled_ms=at)
    make_group("strange", lag=None, sampled_ms=at)
    make_group("old", sampled_ms=at - 60_000)
    BacklogSample.objects.bulk_create(
        [BacklogSample(group="inventory", at_ms=at - n * 1000, backlog=n * 100) for n in range(5)]
    )
    answer = viewer.get("/consumers/")
    rows = {row.view.name: row for row in answer.context["rows"]}
    assert rows["inventory"].backlog == 4210
    assert rows["inventory"].advice.words == "Add 2: 5 in all"
    assert rows["inventory"].trend.count(",") == 5
    assert rows["idle"].advice.words == "Nobody consumes; start 2"
    assert rows["strange"].backlog is None
    assert rows["old"].stale
    text = answer.content.decode()
    assert "orders-topic, payments-topic" in text
    assert "asked too long ago" in text


def test_partitions_of_a_topic_are_counted_not_listed(viewer: Client) -> None:
    at = now_ms()
    for partition in range(3):
        make_group("inventory", "orders-topic", partition=partition, sampled_ms=at)
    make_group("inventory", "payments-topic", sampled_ms=at)
    text = text_of(viewer, "/consumers/")
    assert 'orders-topic <span title="3 partitions">×3</span>, payments-topic' in text
    assert "all keep up" in text
    make_group("old", sampled_ms=at - 60_000)
    assert "all keep up" not in text_of(viewer, "/consumers/")


def test_group_is_told_of_by_the_consumers_that_name_it(viewer: Client) -> None:
    at = now_ms()
    seeder = Seeder(at - 120_000)
    seeder.add(at - 10_000, 12, consumer="shop", group="inventory")
    seeder.add(at - 61_000, 6, consumer="shop", group="mail")
    seeder.add(at - 10_000, 6, consumer="payments", group="payments", outcome="failed")
    seeder.observe(at + 60_000)
    for name in ("inventory", "mail", "payments", "silent"):
        make_group(name, sampled_ms=at)
    answer = viewer.get("/consumers/")
    rows = {row.view.name: row for row in answer.context["rows"]}
    assert {name: row.per_second and round(row.per_second * 60) for name, row in rows.items()} == {
        "inventory": 12, "mail": 0, "payments": 6, "silent": None,
    }  # fmt: skip
    assert (rows["inventory"].error_rate, rows["payments"].error_rate) == (0.0, 1.0)
    assert rows["mail"].handlers == ["shop"]
    assert rows["payments"].named_otherwise == ()
    assert (
        answer.content.decode().count('handled by <a href="/events/?consumer=shop">shop</a>') == 2
    )


@pytest.mark.parametrize("path", PAGES)
def test_htmx_gets_the_living_part_only(viewer: Client, path: str) -> None:
    text = viewer.get(path, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in text
    assert "es-card" in text


@pytest.mark.parametrize("path", PAGES)
def test_page_asks_the_same_number_of_queries_for_1_and_for_30(viewer: Client, path: str) -> None:
    at, counts = now_ms(), []
    viewer.get(path)
    for start, end in ((0, 1), (1, 30)):
        for number in range(start, end):
            make_component(f"c{number}", seen_ms=at)
            make_breaker(f"b{number}", since_ms=at)
            make_group(f"g{number}", sampled_ms=at)
            Duty.objects.create(name=f"d{number}")
        with (
            CaptureQueriesContext(connections["default"]) as default,
            CaptureQueriesContext(connections["events"]) as events,
        ):
            viewer.get(path)
        counts.append((len(default), len(events)))
    assert counts[0] == counts[1]


def test_nothing_in_any_field_can_script_a_page(viewer: Client) -> None:
    at = now_ms()
    bad = HOSTILE[:190]
    make_component(
        bad, bad, service=bad, status="unhealthy", seen_ms=at,
        checks=[{"name": bad, "status": bad, "output": bad}, "no check", {"status": None}],
    )  # fmt: skip
    make_breaker(bad, bad, service=bad, since_ms=at, reason=bad)
    make_group(bad, sampled_ms=at)
    Duty.objects.create(name="x", error=bad, failing=1)
    for path in PAGES:
        text = viewer.get(path).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "alert(1)" in unescape(text)
