"""The way round on Kafka: a service fails, its letters are seen, a person redrives them, they are handled."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from eventscope import Event, EventBus, HandlerError, RetryPolicy
from tests.eventscope.conftest import eventually
from tests.kafka.servers import ApacheKafka
from tests.system.running import System

CONFIG = """
[brokers.main]
type = "kafka"
bootstrap_servers = ["{address}"]
topics = ["{topic}*"]
dead_letter_topics = ["{topic}-failed"]
"""


@pytest.fixture
def system(apache_kafka: ApacheKafka, topic: str, tmp_path: Path) -> Iterator[System]:
    file = tmp_path / "eventscope.toml"
    file.write_text(CONFIG.format(address=apache_kafka.address, topic=topic))
    started = System(tmp_path / "data", EVENTSCOPE_CONFIG=str(file)).start()
    yield started
    started.stop()


@pytest.fixture
async def bus(apache_kafka: ApacheKafka, topic: str) -> AsyncIterator[EventBus]:
    apache_kafka.create(topic, 3)
    made = EventBus(
        f"kafka://{apache_kafka.address}",
        source=f"inventory-{topic}",
        default_topic=topic,
        system_topic=f"{topic}-system",
        dead_letter_topic=f"{topic}-failed",
        retry=RetryPolicy(max_retries=1, retry_delay="100ms"),
        publish_timeout="120s",
    )
    yield made
    await made.stop("5s")


def post(system: System, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(system.base + path, json.dumps(body).encode(), headers)
    with urlopen(request, timeout=60) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


async def test_what_failed_is_seen_redriven_and_handled(system: System, bus: EventBus) -> None:
    """20 events of which every other fails twice, once retried; mended, they are put back."""
    mended = False
    seen: Counter[tuple[int, int]] = Counter()

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        seen[event.payload["number"], event.attempt] += 1
        if event.payload["number"] % 2 and not mended:
            raise HandlerError("no stock", code="OUT_OF_STOCK")

    def get(path: str) -> Any:
        return system.get_json(path, token)

    def letters() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = get("/api/v1/dead-letters?limit=100")["results"]
        return found

    async def told(condition: Any) -> None:
        """Asked in a thread: this loop is also that of the bus."""
        await eventually(lambda: asyncio.to_thread(condition), 120)

    await asyncio.to_thread(system.wait_for_link)
    words = ("token", "create", "test", "--role", "operator")
    token = (await asyncio.to_thread(system.manage, *words)).splitlines()[-1]
    await bus.start()
    events = [bus.event("ORDER_CREATED", {"number": number}) for number in range(20)]
    await asyncio.gather(*(bus.publish(one, key=one.event_id) for one in events))
    await told(lambda: len(letters()) == 10)
    first = await asyncio.to_thread(letters)
    mended = True
    path = "/api/v1/dead-letters/redrive"
    job = await asyncio.to_thread(post, system, path, token, {"filter": {}, "heed": False})
    await told(lambda: get(f"/api/v1/jobs/{job['id']}")["counts"]["processed"] == 10)

    assert {one["eventId"] for one in first} == {one.event_id for one in events[1::2]}
    assert {(one["error"]["type"], one["attempts"]) for one in first} == {("OUT_OF_STOCK", 2)}
    assert seen == Counter(
        {(number, 1): 1 + number % 2 for number in range(20)}
        | {(number, 2): 1 for number in range(1, 20, 2)}
    )
    listed = (await asyncio.to_thread(get, "/api/v1/events?type=ORDER_CREATED&limit=100"))[
        "results"
    ]
    assert Counter(one["topic"] for one in listed) == Counter(
        {bus.router.topic("ORDER_CREATED"): 30}
    )
