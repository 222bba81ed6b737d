"""Consumers that die, brokers that go away: nothing is lost, against a real Valkey."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import redis

from eventscope import Backoff, Event, EventBus, RetryPolicy
from tests.eventscope.conftest import eventually
from tests.servers import Valkey

FAST = RetryPolicy(max_retries=3, retry_delay="50ms", claim_after="400ms")
Service = Callable[[int], subprocess.Popen[bytes]]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def client(valkey: Valkey) -> Iterator[redis.Redis]:
    with valkey.client() as made:
        yield made


@pytest.fixture
def service(valkey: Valkey) -> Iterator[Service]:
    """Starts the service of service.py, handling for so many milliseconds an event."""
    running: list[subprocess.Popen[bytes]] = []

    def start(milliseconds: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.eventscope.service", valkey.url, str(milliseconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
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
async def bus(valkey: Valkey) -> AsyncIterator[EventBus]:
    made = make_bus(valkey)
    yield made
    await made.stop("2s")


def make_bus(valkey: Valkey, source: str = "inventory-service", **options: object) -> EventBus:
    return EventBus(
        valkey.url,
        source=source,
        default_topic="orders-topic",
        retry=FAST,
        backoff=Backoff(0.01, 0.1),
        read_wait="50ms",
        **options,  # type: ignore[arg-type]
    )


def handled(client: redis.Redis) -> list[int]:
    return sorted(int(value) for value in client.lrange("handled", 0, -1))


def pending(client: redis.Redis) -> int:
    return int(client.xpending("orders-topic", "inventory-service")["pending"])


async def test_what_a_killed_consumer_had_in_hand_is_finished_by_another(
    bus: EventBus, client: redis.Redis, service: Service
) -> None:
    await bus.publish_many([bus.event("ORDER_CREATED", number) for number in range(100)])
    victim = service(60_000)
    await eventually(lambda: int(client.get("begun") or 0) >= 8)
    os.kill(victim.pid, signal.SIGKILL)
    left = pending(client)

    seen: list[tuple[int, int]] = []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        seen.append((event.payload, event.attempt))

    await bus.start()
    await eventually(lambda: len(seen) >= 100)
    await eventually(lambda: pending(client) == 0)

    assert left > 8
    assert sorted(number for number, _ in seen) == list(range(100))
    assert sum(attempt == 2 for _, attempt in seen) == left


async def test_terminated_service_finishes_what_it_began_and_leaves_the_rest(
    bus: EventBus, client: redis.Redis, service: Service
) -> None:
    await bus.publish_many([bus.event("ORDER_CREATED", number) for number in range(200)])
    first = service(200)  # long enough that it is ended before the last of them
    await eventually(lambda: client.llen("handled") >= 16)
    first.terminate()
    assert await asyncio.to_thread(first.wait, 60) == 0
    begun, done = int(client.get("begun") or 0), client.llen("handled")
    consumers = {row["name"] for row in client.xinfo_consumers("orders-topic", "inventory-service")}
    service(0)
    await eventually(lambda: client.llen("handled") >= 200)

    assert begun == done < 200
    assert handled(client) == list(range(200))
    assert consumers <= {b"eventscope:waiting"}


async def test_stopping_service_says_goodbye_and_flushes_its_receipts(
    bus: EventBus, client: redis.Redis, service: Service
) -> None:
    process = service(0)
    await bus.publish_many([bus.event("ORDER_CREATED", number) for number in range(150)])
    await eventually(lambda: client.llen("handled") >= 150)
    process.terminate()
    await asyncio.to_thread(process.wait, 60)

    bodies = [fields[b"event"] for _, fields in client.xrange("system-events")]
    assert b'"eventType":"ServiceStarted"' in bodies[0]
    assert b'"eventType":"ServiceStopped"' in bodies[-1]
    assert sum(body.count(b'"outcome":"success"') for body in bodies) == 150


async def test_consumer_that_was_frozen_does_not_undo_what_its_heir_did(
    bus: EventBus, client: redis.Redis, service: Service
) -> None:
    frozen = service(2000)  # long enough that it is frozen before it is done
    await bus.publish("ORDER_CREATED", 1)
    await eventually(lambda: client.get("begun") == b"1")
    os.kill(frozen.pid, signal.SIGSTOP)
    service(0)
    await eventually(lambda: handled(client) == [1])
    await eventually(lambda: pending(client) == 0)
    os.kill(frozen.pid, signal.SIGCONT)
    await eventually(lambda: handled(client) == [1, 1])
    await bus.publish("ORDER_CREATED", 2)
    await eventually(lambda: handled(client) == [1, 1, 2])
    await eventually(lambda: pending(client) == 0)

    assert client.xlen("failed-events") == 0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path).start()
    yield server
    server.stop()


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_broker_restart_loses_nothing(broker: Valkey, end: str) -> None:
    publisher, consumer = make_bus(broker, "order-service"), make_bus(broker)
    seen: set[int] = set()
    gone = asyncio.Event()

    @consumer.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        seen.add(event.payload)
        await asyncio.sleep(0.001)

    async def publish() -> None:
        for number in range(300):
            if number == 200:
                await gone.wait()
            await publisher.publish("ORDER_CREATED", number)
            await asyncio.sleep(0.002)

    await consumer.start()
    publishing = asyncio.create_task(publish())
    await eventually(lambda: len(seen) > 20)
    await asyncio.to_thread(getattr(broker, end))
    gone.set()
    await asyncio.sleep(0.3)
    during = len(seen)
    await asyncio.to_thread(broker.start)
    await publishing
    with broker.client() as client:
        await eventually(lambda: len(seen) == 300 and pending(client) == 0)
        letters = client.xlen("failed-events")
    await consumer.stop()
    await publisher.stop()

    assert during < 300
    assert letters == 0


async def test_service_starts_before_its_broker(broker: Valkey) -> None:
    await asyncio.to_thread(broker.stop)
    bus, seen = make_bus(broker), []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        seen.append(event.payload)

    await bus.start()
    publishing = asyncio.create_task(bus.publish("ORDER_CREATED", 1))
    await asyncio.sleep(0.2)
    healthy_before = await bus.is_healthy()
    await asyncio.to_thread(broker.start)
    await publishing
    await eventually(lambda: seen == [1])
    healthy_after = await bus.is_healthy()
    await bus.stop()

    assert (healthy_before, healthy_after) == (False, True)


async def test_outcomes_reached_while_the_broker_is_away_are_settled_when_it_is_back(
    broker: Valkey,
) -> None:
    bus, gate = make_bus(broker), asyncio.Event()
    calls: list[int] = []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        calls.append(event.payload)
        await gate.wait()

    await bus.start()
    await bus.publish_many([bus.event("ORDER_CREATED", number) for number in range(10)])
    await eventually(lambda: len(calls) == 10)
    await asyncio.to_thread(broker.stop)
    gate.set()
    await asyncio.sleep(0.2)
    await asyncio.to_thread(broker.start)

    with broker.client() as client:
        await eventually(lambda: pending(client) == 0)
    await bus.stop()

    assert sorted(calls) == list(range(10))


async def test_bus_stops_in_time_while_the_broker_is_away(broker: Valkey) -> None:
    bus = make_bus(broker)
    bus.subscribe("ORDER_CREATED", lambda event: None)
    await bus.start()
    await bus.publish("ORDER_CREATED")
    await eventually(lambda: bus.counters.succeeded)
    await asyncio.to_thread(broker.stop)

    await asyncio.wait_for(bus.stop("1s"), 60)

    await asyncio.to_thread(broker.start)


async def test_whoever_is_killed_each_event_is_handled_and_each_letter_written_once(
    bus: EventBus, client: redis.Redis, service: Service
) -> None:
    """Two services handle 300 events, every seventh of them bad, while they are killed in turn."""
    chance = random.Random(20261124)
    await bus.publish_many([bus.event("ORDER_CREATED", number) for number in range(300)])
    running = [service(2) for _ in range(2)]
    for _ in range(2):
        await asyncio.sleep(chance.uniform(0.02, 0.25))
        running.pop(0).kill()
        running.append(service(2))

    bad, good = set(range(0, 300, 7)), set(range(300)) - set(range(0, 300, 7))

    def done() -> bool:
        return client.xlen("failed-events") >= len(bad) and set(handled(client)) >= good

    await eventually(done)
    await eventually(lambda: pending(client) == 0)

    letters = [json.loads(fields[b"event"]) for _, fields in client.xrange("failed-events")]
    assert set(handled(client)) == good
    assert sorted(letter["payload"]["event"]["payload"] for letter in letters) == sorted(bad)


async def test_event_that_kills_its_consumers_becomes_a_letter_and_its_neighbours_do_not(
    bus: EventBus, client: redis.Redis, service: Service
) -> None:
    await bus.publish_many([bus.event("ORDER_CREATED", number) for number in range(-1, 30)])
    running = service(1)

    def done() -> bool:
        nonlocal running
        if running.poll() is not None:
            running = service(1)
        return client.xlen("failed-events") == 1 and handled(client) >= list(range(30))

    await eventually(done)
    await eventually(lambda: pending(client) == 0)

    ((_, fields),) = client.xrange("failed-events")
    letter = json.loads(fields[b"event"])["payload"]
    assert (letter["event"]["payload"], letter["error"]["type"]) == (-1, "AttemptsExceeded")
    assert set(handled(client)) == set(range(30))
