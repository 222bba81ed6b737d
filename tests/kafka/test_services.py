"""Services that consume from Kafka die, and Kafka goes away: nothing is lost, no letter is doubled."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from eventscope import Backoff, Event, EventBus, RetryPolicy
from tests.eventscope.conftest import eventually
from tests.kafka.servers import ApacheKafka

pytestmark = pytest.mark.timeout(600)

Service = Callable[..., subprocess.Popen[bytes]]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    file = tmp_path / "notes.txt"
    file.touch()
    return file


@pytest.fixture
def service(apache_kafka: ApacheKafka, topic: str, notes: Path) -> Iterator[Service]:
    """Starts the service of service.py, handling for so many milliseconds an event."""
    running: list[subprocess.Popen[bytes]] = []

    def start(milliseconds: int, **settings: object) -> subprocess.Popen[bytes]:
        more = {"session.timeout.ms": 6000, **settings}
        words = "&".join(f"{name}={value}" for name, value in more.items())
        url = f"kafka://{apache_kafka.address}?{words}"
        command = [sys.executable, "-m", "tests.kafka.service", url, topic, str(notes)]
        process = subprocess.Popen(
            [*command, str(milliseconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        )
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=60)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
async def publisher(apache_kafka: ApacheKafka, topic: str) -> AsyncIterator[EventBus]:
    url = f"kafka://{apache_kafka.address}"
    bus = EventBus(url, source="order-service", default_topic=topic, receipts=False)
    yield bus
    await bus.stop("2s")


async def publish(bus: EventBus, numbers: range) -> None:
    events = [bus.event("ORDER_CREATED", number) for number in numbers]
    await asyncio.gather(*(bus.publish(event, key=f"ORD_{event.payload}") for event in events))


def noted(notes: Path, word: str) -> Counter[int]:
    lines = [line.split() for line in notes.read_text().splitlines()]
    return Counter(int(number) for what, number, _ in lines if what == word)


def everything(kafka: ApacheKafka, topic: str) -> list[bytes]:
    """All bodies that are committed, of all partitions."""
    consumer = kafka.consumer("everything", **{"enable.auto.commit": False})
    try:
        if topic not in consumer.list_topics(timeout=60).topics:
            return []
        numbers = consumer.list_topics(topic, timeout=60).topics[topic].partitions
        places = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers]
        consumer.assign(places)
        bodies: list[bytes] = []
        while some := consumer.consume(1000, 1):
            bodies += [message.value() or b"" for message in some if message.error() is None]
        return bodies
    finally:
        consumer.close()


def letters(kafka: ApacheKafka, topic: str) -> list[dict[str, object]]:
    return [json.loads(body)["payload"] for body in everything(kafka, f"{topic}-failed")]


def buried(kafka: ApacheKafka, topic: str) -> list[int]:
    return sorted(letter["event"]["payload"] for letter in letters(kafka, topic))  # type: ignore[index]


async def test_whoever_is_killed_each_event_is_handled_and_each_letter_written_once(
    apache_kafka: ApacheKafka, topic: str, service: Service, publisher: EventBus, notes: Path
) -> None:
    """Two services handle 300 events, every seventh of them bad, while they are killed in turn."""
    apache_kafka.create(topic, 4)
    chance = random.Random(20261126)
    running = [service(3) for _ in range(2)]
    await publish(publisher, range(150))
    await eventually(lambda: len(noted(notes, "begun")) > 20)
    for _ in range(2):
        running.pop(0).kill()
        running.append(service(3))
        await asyncio.sleep(chance.uniform(0.1, 1))
    await publish(publisher, range(150, 300))

    bad, good = set(range(0, 300, 7)), set(range(300)) - set(range(0, 300, 7))
    await eventually(lambda: set(noted(notes, "handled")) >= good, 120)
    await eventually(lambda: set(buried(apache_kafka, topic)) >= bad, 120)

    assert set(noted(notes, "handled")) == good
    assert buried(apache_kafka, topic) == sorted(bad)


async def test_terminated_service_finishes_what_it_began_and_leaves_the_rest(
    apache_kafka: ApacheKafka, topic: str, service: Service, publisher: EventBus, notes: Path
) -> None:
    apache_kafka.create(topic)
    first = service(200)  # long enough that it is ended before the last of them
    await publish(publisher, range(100))
    await eventually(lambda: len(noted(notes, "handled")) >= 8)
    first.terminate()
    assert await asyncio.to_thread(first.wait, 60) == 0
    begun = noted(notes, "begun")
    service(0)
    good = set(range(100)) - set(range(0, 100, 7))
    await eventually(lambda: set(noted(notes, "handled")) >= good)
    await eventually(lambda: len(buried(apache_kafka, topic)) == 15)

    assert len(begun) < 100
    assert noted(notes, "begun") == Counter(range(100))


async def test_event_that_kills_its_consumers_becomes_a_letter_and_its_neighbours_do_not(
    apache_kafka: ApacheKafka, topic: str, service: Service, publisher: EventBus, notes: Path
) -> None:
    """A static member: started again, it has its partitions at once."""
    apache_kafka.create(topic)
    settings = {"group.instance.id": "the-one"}
    await publish(publisher, range(-1, 30))
    running = service(1, **settings)

    def done() -> bool:
        nonlocal running
        if running.poll() is not None:
            running = service(1, **settings)
        return -1 in buried(apache_kafka, topic)

    await eventually(done, 240)
    good = set(range(30)) - set(range(0, 30, 7))
    await eventually(lambda: set(noted(notes, "handled")) >= good)
    await eventually(lambda: len(buried(apache_kafka, topic)) == 6)

    [letter] = [one for one in letters(apache_kafka, topic) if one["event"]["payload"] == -1]  # type: ignore[index]
    assert letter["error"]["type"] == "AttemptsExceeded"  # type: ignore[index]
    assert buried(apache_kafka, topic) == [-1, 0, 7, 14, 21, 28]


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_broker_restart_loses_nothing(
    apache_kafka: ApacheKafka, topic: str, end: str
) -> None:
    apache_kafka.create(topic)
    url = f"kafka://{apache_kafka.address}?message.timeout.ms=2000"
    options = {
        "default_topic": topic,
        "retry": RetryPolicy(max_retries=3, retry_delay="50ms"),
        "backoff": Backoff(0.01, 0.1),
        "publish_timeout": "120s",
        "receipts": False,
        "dead_letter_topic": f"{topic}-failed",
    }
    publisher = EventBus(url, source="order-service", **options)  # type: ignore[arg-type]
    consumer = EventBus(url, source=f"inventory-{topic}", **options)  # type: ignore[arg-type]
    seen: Counter[int] = Counter()

    @consumer.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        if event.payload % 10 == 0 and event.attempt == 1:
            raise ConnectionError("try again")
        seen[event.payload] += 1

    async def publish_slowly() -> None:
        for number in range(300):
            await publisher.publish("ORDER_CREATED", number)
            await asyncio.sleep(0.002)

    await consumer.start()
    publishing = asyncio.create_task(publish_slowly())
    await eventually(lambda: len(seen) > 20)
    await asyncio.to_thread(getattr(apache_kafka, end))
    await asyncio.sleep(0.3)
    during = len(seen)
    await asyncio.to_thread(apache_kafka.start)
    await publishing
    await eventually(lambda: len(seen) == 300, 120)
    await consumer.stop("5s")
    await publisher.stop()

    assert during < 300
    assert buried(apache_kafka, topic) == []


async def test_service_starts_before_its_broker_and_stops_in_time_without_it(
    apache_kafka: ApacheKafka, topic: str
) -> None:
    await asyncio.to_thread(apache_kafka.stop)
    url = f"kafka://{apache_kafka.address}?session.timeout.ms=6000"
    bus = EventBus(
        url, source=f"inventory-{topic}", default_topic=topic, backoff=Backoff(0.01, 0.1)
    )
    seen: list[int] = []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        seen.append(event.payload)

    await bus.start()
    publishing = asyncio.create_task(bus.publish("ORDER_CREATED", 1))
    await asyncio.sleep(0.5)
    healthy_before = await bus.is_healthy()
    await asyncio.to_thread(apache_kafka.start)
    await publishing
    await eventually(lambda: seen == [1])
    healthy_after = await bus.is_healthy()
    await asyncio.to_thread(apache_kafka.stop)

    await asyncio.wait_for(bus.stop("1s"), 60)

    await asyncio.to_thread(apache_kafka.start)
    assert (healthy_before, healthy_after) == (False, True)
