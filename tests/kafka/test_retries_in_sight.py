"""What waits for its next attempt on Kafka is seen, whoever is there to try it."""

from __future__ import annotations

import asyncio

import pytest
from pytest_django.fixtures import Settings

from eventscope import Event, EventBus, RetryPolicy
from ingest.options import BrokerOptions, IngestOptions
from ingest.queries.retries import NotThere, make_due, waiting_retries
from tests.eventscope.conftest import eventually
from tests.kafka.servers import ApacheKafka
from tests.servers import free_port

pytestmark = pytest.mark.timeout(300)


def watching(settings: Settings, address: str) -> None:
    kafka = BrokerOptions(type="kafka", bootstrap_servers=(address,))
    settings.INGEST = IngestOptions(brokers={"main": kafka})


async def seen(topic: str) -> list[tuple[str, str, str, int, bool]]:
    page = await asyncio.to_thread(waiting_retries, limit=100)
    return [
        (row.group, row.entry, row.event_id, row.attempts, row.movable)
        for row in page.rows
        if row.topic == topic
    ]


async def test_what_failed_waits_until_it_is_tried(
    apache_kafka: ApacheKafka, topic: str, settings: Settings
) -> None:
    """Of four events one fails once and for long, one is tried again at once; the first is still there
    when its service is not."""
    apache_kafka.create(topic, 2)
    watching(settings, apache_kafka.address)
    url, groups = f"kafka://{apache_kafka.address}", (f"slow-{topic}", f"quick-{topic}")
    options = {"default_topic": topic, "publish_timeout": "120s", "receipts": False}
    bus = EventBus(url, source="inventory", **options)  # type: ignore[arg-type]
    tried: list[tuple[str, int]] = []

    def failing(group: str, delay: str) -> None:
        @bus.subscribe("ORDER_CREATED", group=group, retry=RetryPolicy(3, delay))
        async def handle(event: Event) -> None:
            tried.append((group, event.attempt))
            if event.payload == 2 and event.attempt == 1:
                raise ConnectionError("no stock")

    failing(groups[0], "1h")
    failing(groups[1], "50ms")
    events = [bus.event("ORDER_CREATED", number) for number in range(4)]
    async with bus:
        positions = [await bus.publish(event, key="ORD_1") for event in events]
        await eventually(lambda: (groups[1], 2) in tried and len(tried) == 9)
        expected = [(groups[0], positions[2].position, events[2].event_id, 1, False)]
        while (found := await seen(topic)) != expected:
            await asyncio.sleep(0.2)
    gone = await seen(topic)

    assert (found, gone) == (expected, expected)
    with pytest.raises(NotThere, match="keeps its turn"):
        make_due(broker="main", topic=topic, group=groups[0], entry="0:2")


def test_a_kafka_that_does_not_answer_is_away(settings: Settings) -> None:
    watching(settings, f"127.0.0.1:{free_port()}")

    assert waiting_retries(limit=10) == ([], 0, ["main"])
