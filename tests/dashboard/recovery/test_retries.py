"""Retries in sight, and trying one at once: against the kit's own consumer."""

from __future__ import annotations

import asyncio
from html import unescape
from typing import Any

import pytest

from dashboard.accounts.models import AuditEntry, Role
from eventscope import EventBus, RetryPolicy
from ingest.models import ConsumerGroup, Stream
from ingest.options import BrokerOptions, IngestOptions
from ingest.queries.retries import NotThere, make_due, waiting_retries
from tests.dashboard.care import client_for
from tests.servers import Valkey

pytestmark = pytest.mark.django_db(databases=["default", "events"], transaction=True)

TOPIC, GROUP = "orders-topic", "inventory-group"


@pytest.fixture
def broker(valkey: Valkey, settings: Any) -> Valkey:
    settings.INGEST = IngestOptions(brokers={"main": BrokerOptions(url=valkey.url)})
    stream = Stream.objects.create(broker="main", topic=TOPIC)
    ConsumerGroup.objects.create(stream=stream, name=GROUP, sampled_ms=1)
    return valkey


def make_bus(url: str, tries: list[int], *, then: asyncio.Event, fail: bool) -> EventBus:
    bus = EventBus(
        url,
        source="inventory",
        default_topic=TOPIC,
        retry=RetryPolicy(max_retries=3, retry_delay="1h"),
        dead_letter_topic="failed-events",
    )

    @bus.subscribe("ORDER_CREATED", group=GROUP)
    async def reserve(event: Any) -> None:
        tries.append(event.attempt)
        then.set()
        if fail:
            raise RuntimeError("no stock")

    return bus


async def fail_once(url: str) -> None:
    tried = asyncio.Event()
    async with make_bus(url, [], then=tried, fail=True) as bus:
        await bus.publish("ORDER_CREATED", {"orderId": "ORD_1"})
        await asyncio.wait_for(tried.wait(), 60)
        await asyncio.sleep(0.3)


async def take(url: str, seconds: float) -> list[int]:
    tries: list[int] = []
    tried = asyncio.Event()
    async with make_bus(url, tries, then=tried, fail=False):
        try:
            await asyncio.wait_for(tried.wait(), seconds)
        except TimeoutError:
            return tries
        await asyncio.sleep(0.3)
    return tries


def test_an_event_that_failed_waits_and_is_tried_at_once_when_asked(broker: Valkey) -> None:
    asyncio.run(fail_once(broker.url))
    page = waiting_retries()
    (row,) = page.rows
    assert (row.topic, row.group, row.attempts, row.event_type) == (
        TOPIC,
        GROUP,
        1,
        "ORDER_CREATED",
    )
    assert (page.total, page.away) == (1, [])
    assert row.idle_ms is not None

    operator = client_for(Role.OPERATOR)
    form = {"broker": "main", "topic": TOPIC, "group": GROUP, "entry": row.entry}
    answer = operator.post("/dead-letters/retries/now/", form)

    assert answer.status_code == 302
    assert waiting_retries().rows[0].idle_ms is None
    assert waiting_retries().rows[0].attempts == 1
    assert AuditEntry.objects.latest("number").action == "retry.now"
    assert asyncio.run(take(broker.url, 20)) == [2]
    assert waiting_retries().rows == []
    assert make_due(**form) is False


def test_who_is_being_handled_is_left_alone(broker: Valkey) -> None:
    client = broker.client()
    entry = client.xadd(TOPIC, {"event": b"{}"})
    client.xgroup_create(TOPIC, GROUP, id="0")
    client.xreadgroup(GROUP, "inventory-1", {TOPIC: ">"})
    assert make_due(broker="main", topic=TOPIC, group=GROUP, entry=entry.decode()) is False
    (pending,) = client.xpending_range(TOPIC, GROUP, "-", "+", 10)
    assert pending["consumer"] == b"inventory-1"
    client.close()


def test_page_shows_what_waits_and_a_viewer_only_looks(broker: Valkey) -> None:
    asyncio.run(fail_once(broker.url))
    viewer = client_for(Role.VIEWER)
    text = unescape(viewer.get("/dead-letters/retries/").content.decode())
    for words in ("ORDER_CREATED", GROUP, "Next attempt", "about"):
        assert words in text
    assert "Retry now" not in text
    assert viewer.post("/dead-letters/retries/now/", {}).status_code == 403
    assert "Retry now" in client_for(Role.OPERATOR).get("/dead-letters/retries/").content.decode()


def test_hostile_entries_are_shown_as_text(broker: Valkey) -> None:
    client = broker.client()
    client.xgroup_create(TOPIC, GROUP, id="0", mkstream=True)
    for body in (b"\xff no json", b'{"eventId": 7, "eventType": "<script>alert(1)</script>"}', b""):
        client.xadd(TOPIC, {"event": body})
    client.xadd(TOPIC, {"other": b"x"})
    client.xreadgroup(GROUP, "eventscope:waiting", {TOPIC: ">"})
    text = client_for(Role.VIEWER).get("/dead-letters/retries/").content.decode()
    assert text.count("<tr>") == 5
    assert "<script>alert" not in text
    client.close()


@pytest.mark.parametrize(
    ("change", "place"),
    [({"entry": "x"}, "entry"), ({"topic": ""}, "topic"), ({"group": "a\x00"}, "group")],
)
def test_what_is_no_waiting_event_is_refused(
    broker: Valkey, change: dict[str, str], place: str
) -> None:
    form = {"broker": "main", "topic": TOPIC, "group": GROUP, "entry": "1-1", **change}
    answer = client_for(Role.OPERATOR).post("/dead-letters/retries/now/", form)
    assert answer.status_code == 400
    assert place in answer.content.decode()


def test_a_broker_that_is_gone_is_told(broker: Valkey, settings: Any) -> None:
    settings.INGEST = IngestOptions(brokers={"main": BrokerOptions(url="redis://127.0.0.1:1/0")})
    text = client_for(Role.VIEWER).get("/dead-letters/retries/").content.decode()
    assert "The broker main does not answer" in text
    with pytest.raises(NotThere, match="does not answer"):
        make_due(broker="main", topic=TOPIC, group=GROUP, entry="1-1")
    with pytest.raises(NotThere, match="is no broker"):
        make_due(broker="nobody", topic=TOPIC, group=GROUP, entry="1-1")


def test_nothing_waits(broker: Valkey) -> None:
    text = client_for(Role.VIEWER).get("/dead-letters/retries/").content.decode()
    assert "Nothing waits for a retry" in text
