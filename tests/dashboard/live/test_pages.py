"""The overview and its charts over what is stored, and the probes."""

from __future__ import annotations

import json
import re
import time

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from dashboard.accounts.models import Role
from dashboard.accounts.tokens import issue_token
from dashboard.live import broker, gather, ranking
from dashboard.live.catching import Pace
from dashboard.live.gather import gather_tick
from dashboard.live.samples import sample_command, sample_kit
from dashboard.notifying.outbox import claim, mark_sent
from ingest.models import Stream
from ingest.options import BrokerOptions, IngestOptions, SecurityOptions
from tests.dashboard.accounts.factories import client_of, make_user
from tests.dashboard.live.seeding import Seeder
from tests.dashboard.notifying.makers import NOW_MS, make_notification

pytestmark = pytest.mark.django_db(databases=["default", "events"])

JSON = {"accept": "application/json"}
SAMPLES = (sample_kit, sample_command)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    ranking.forget()
    monkeypatch.setattr(gather, "_pace", Pace())


def seed() -> int:
    """A minute of two types, one failing; when it ended."""
    now = int(time.time()) * 1000
    seeder = Seeder(now - 120_000)
    for second in range(60):
        at = now - 60_000 + second * 1000
        seeder.add(at, 3, took_ms=40)
        seeder.add(at, 1, type="PAYMENT_PROCESSED", source="payment-service", outcome="failed")
    seeder.observe(now)
    return now


def test_before_the_first_event_the_page_says_how_to_send_one() -> None:
    page = client_of(make_user()).get("/").content.decode()

    assert "Waiting for the first event" in page
    assert "redis-cli -u redis://" in page
    assert "from eventscope import EventBus" in page


def test_a_page_opened_while_ingest_catches_up_says_how_far_it_is_behind() -> None:
    now = int(time.time()) * 1000
    seeder = Seeder(now - 600_000)
    seeder.add(now - 180_000, 3)
    seeder.observe(now - 180_000)

    page = client_of(make_user()).get("/").content.decode()

    assert "Catching up" in page
    assert page.count("3 min behind") == 2  # in the strip and at the tile


def test_ticks_tell_the_pace_of_catching_up() -> None:
    now = int(time.time()) * 1000
    seeder = Seeder(now - 600_000)
    seeder.add(now - 180_000, 3)
    seeder.observe(now - 180_000)
    Stream.objects.update(stored=10_000, lag=90_000)
    gather_tick(now - 10_000)
    Stream.objects.update(stored=40_000, lag=60_000)

    tick = json.loads(gather_tick(now))

    assert tick["status"]["catching"] == "3 min behind, at 3k/s, done in about 20 s"
    assert [tile["word"] for tile in tick["tiles"] if tile["key"] == "lag"] == ["3 min behind"]


def test_the_tiles_tell_the_last_minute() -> None:
    seed()

    tiles = {
        entry["tile"].key: entry["tile"]
        for entry in client_of(make_user()).get("/").context["tiles"]
    }

    assert tiles["events"].value == pytest.approx(4, abs=0.2)
    assert tiles["errors"].value == pytest.approx(0.25, abs=0.01)
    assert tiles["errors"].tone == "bad"
    assert tiles["p95"].value == pytest.approx(40, rel=0.02)
    assert tiles["p95"].word == "within 200 ms"
    assert list(tiles) == [
        "events",
        "p95",
        "errors",
        "deadLetters",
        "breakers",
        "unhealthy",
        "alerts",
        "lag",
    ]


def test_the_charts_count_what_was_stored() -> None:
    seed()

    answer = client_of(make_user()).get("/live/charts/?by=type").json()

    sums = {
        trace["meta"]["group"]: sum(y or 0 for y in trace["y"])
        for trace in answer["figures"]["throughput"]["data"]
        if trace["meta"]["field"] == "p"
    }
    assert sums == {"ORDER_CREATED": 180, "PAYMENT_PROCESSED": 60}
    assert answer["meta"]["extends"] is True


def test_where_there_are_no_receipts_the_publish_delay_is_shown_and_named() -> None:
    now = int(time.time()) * 1000
    seeder = Seeder(now - 60_000)
    seeder._store([seeder._event(now - 5000, "ORDER_CREATED", "shop")])
    seeder.observe(now)

    answer = client_of(make_user()).get("/live/charts/").json()

    assert answer["meta"]["latency"] == "publish_delay"
    assert {trace["meta"]["kind"] for trace in answer["figures"]["latency"]["data"]} == {
        "publish_delay"
    }


def test_an_empty_chart_says_why() -> None:
    client = client_of(make_user())

    never = client.get("/live/charts/").json()["notes"]
    seed()
    by_source = client.get("/live/charts/?by=source").json()["notes"]

    assert never["throughput"] == "This time was not observed."
    assert by_source["errors"] == "What failed is counted by type and consumer, not by source."


@pytest.mark.parametrize("name", ["5m", "15m", "1h", "6h", "24h", "7d"])
def test_every_range_answers_whole(name: str) -> None:
    seed()

    answer = client_of(make_user()).get(f"/live/charts/?range={name}").json()

    published = answer["figures"]["throughput"]["data"][0]["y"]
    step = answer["meta"]["step"] / 1000
    assert len(published) <= 901
    if name in ("5m", "15m"):
        assert sum(y or 0 for y in published) * step == 240


def test_a_tick_takes_as_many_queries_for_forty_types_as_for_ten() -> None:
    from dashboard.live.gather import gather_tick

    now = int(time.time()) * 1000
    seeder = Seeder(now - 60_000)
    counts = []
    for numbers in (range(10), range(10, 40)):
        for number in numbers:
            seeder.add(now - 3000, type=f"TYPE_{number}")
        seeder.observe(now)
        ranking.forget()
        with CaptureQueriesContext(connections["events"]) as queries:
            gather_tick(now)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_a_password_in_the_broker_s_url_is_not_shown() -> None:
    broker = BrokerOptions(url="rediss://app:s3cret@redis.internal:6380/2")
    options = IngestOptions(brokers={"main": broker})

    for text in (sample(options) for sample in SAMPLES):
        assert "s3cret" not in text
        assert "rediss://USER:PASSWORD@redis.internal:6380/2" in text


def test_first_event_to_a_kafka() -> None:
    plain = BrokerOptions(
        type="kafka", bootstrap_servers=("one:9092", "two:9092"), topics=("a-*", "b")
    )
    account = SecurityOptions(
        protocol="sasl_ssl", mechanism="PLAIN", username="ada", password="s3cret"
    )
    sealed = BrokerOptions(type="kafka", bootstrap_servers=("one:9094",), security=account)

    kit, command = (sample(IngestOptions(brokers={"main": plain})) for sample in SAMPLES)
    assert '"kafka://one:9092,two:9092"' in kit
    assert 'default_topic="b"' in kit
    assert command.endswith("sh --bootstrap-server one:9092,two:9092 --topic b")
    kit = sample_kit(IngestOptions(brokers={"main": sealed}))
    assert "s3cret" not in kit
    assert (
        '"kafka://USER:PASSWORD@one:9094?security.protocol=SASL_SSL&sasl.mechanisms=PLAIN"' in kit
    )


def test_the_process_is_alive_without_asking_anything(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        answer = Client().get("/healthz")

    assert answer.json() == {"status": "ok"}


def test_ready_tells_of_database_broker_and_ingest(
    monkeypatch: pytest.MonkeyPatch, valkey: object
) -> None:
    monkeypatch.setattr(broker, "ticks_url", lambda: valkey.url)  # type: ignore[attr-defined]
    seed()

    answer = Client().get("/readyz")

    assert answer.status_code == 200
    checks = answer.json()["checks"]
    assert {name: check["ok"] for name, check in checks.items()} == {
        "database": True,
        "broker": True,
        "ingest": True,
    }
    assert checks["ingest"]["lag"] == 0


def test_not_ready_when_the_broker_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "ticks_url", lambda: "redis://127.0.0.1:1/0")

    answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"] == {"ok": False, "error": "ConnectionError"}


def test_metrics_are_for_loopback_or_a_token() -> None:
    seed()
    raw = issue_token("prometheus", Role.VIEWER)
    client = Client()

    here = client.get("/metrics")
    through_a_proxy = client.get("/metrics", headers={"x-forwarded-for": "203.0.113.9"})
    far = client.get("/metrics", REMOTE_ADDR="203.0.113.9")
    wrong = client.get("/metrics", REMOTE_ADDR="203.0.113.9", headers={"authorization": "Bearer x"})
    token = client.get(
        "/metrics", REMOTE_ADDR="203.0.113.9", headers={"authorization": f"Bearer {raw}"}
    )

    assert [a.status_code for a in (here, through_a_proxy, far, wrong, token)] == [
        200,
        401,
        401,
        401,
        200,
    ]
    assert "eventscope_messages_stored_total 360.0" in here.content.decode()


def test_metrics_tell_of_messages_to_receivers_by_name() -> None:
    for uid, receiver in (("1", "hook"), ("2", "hook"), ("3", "ops")):
        make_notification(receiver, save=True, uid=uid, created_ms=1_000)
    message = claim("hook", NOW_MS)
    assert message is not None
    mark_sent(message, "", NOW_MS)

    told = Client().get("/metrics").content.decode()

    assert 'eventscope_notifications_sent_total{receiver="hook"} 1.0' in told
    assert 'eventscope_notifications_failed_total{receiver="hook"} 0.0' in told
    assert 'eventscope_notifications_waiting{receiver="ops"} 1.0' in told
    [oldest] = re.findall(r'oldest_waiting_seconds\{receiver="ops"\} (\S+)', told)
    assert float(oldest) > 1_700_000_000


def test_charts_want_a_session() -> None:
    assert Client().get("/live/charts/", headers=JSON).status_code == 302


def test_configured_objectives_move_the_lines_and_words(settings: Settings) -> None:
    import msgspec

    from ingest.options import Duration

    objectives = msgspec.structs.replace(settings.DASHBOARD.objectives, p95=Duration(0.01))
    settings.DASHBOARD = msgspec.structs.replace(settings.DASHBOARD, objectives=objectives)
    seed()
    client = client_of(make_user())

    tiles = {entry["tile"].key: entry["tile"] for entry in client.get("/").context["tiles"]}
    figure = client.get("/live/charts/").json()["figures"]["latency"]

    assert tiles["p95"].word == "above 10 ms"
    assert "p95 10 ms" in [caption["text"] for caption in figure["layout"]["annotations"]]
