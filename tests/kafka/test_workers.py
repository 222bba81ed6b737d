"""Ingest workers on Apache Kafka and PostgreSQL that are killed, frozen and cut off: what is stored is
what was committed, each once, and the charts count it so."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.faults.conftest import Host
from tests.kafka.servers import ApacheKafka, Broker
from tests.postgres import Postgres, missing_postgres

SECONDS = 600 if os.environ.get("EVENTSCOPE_LONG") else 60
PARTITIONS = 3


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory, apache_kafka: ApacheKafka) -> Iterator[Broker]:
    """A broker that the test may kill."""
    made = ApacheKafka(tmp_path_factory.mktemp("kafka")).start()
    yield made
    made.stop()


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    if missing_postgres():
        pytest.skip(f"PostgreSQL: {missing_postgres()}")
    made = Postgres().start()
    yield made
    made.stop()


class Workers:
    """Two places for ingest workers; a place whose worker is ended gets another."""

    def __init__(self, host: Host, options: dict[str, Any]) -> None:
        self.host = host
        self.options = options
        self.running: list[int] = [self._start(), self._start()]

    def _start(self) -> int:
        child: int = self.host.do("start", options=self.options, messages=0)
        return child

    def replace(self, place: int, number: int) -> None:
        self.host.do("end", child=self.running[place], number=number)
        self.running[place] = self._start()

    def freeze(self, place: int, seconds: float) -> None:
        os.kill(self.running[place], signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.running[place], signal.SIGCONT)

    def end(self) -> None:
        for child in self.running:
            self.host.do("end", child=child, number=signal.SIGKILL)


class Stream:
    """Publishes events over the partitions, some in transactions of which every third is aborted."""

    def __init__(self, broker: Broker, topic: str, rng: random.Random) -> None:
        self.broker = broker
        self.topic = topic
        self.rng = rng
        self.sent: Counter[str] = Counter()
        self.serial = 0

    def publish(self, count: int) -> None:
        producer = self.broker.producer(**{"enable.idempotence": True})
        failed: list[object] = []
        for _ in range(count):
            name = self._produce(producer, failed)
            self.sent[name] += 1
        left = producer.flush(60)
        assert (left, failed) == (0, [])

    def transact(self) -> None:
        producer = self.broker.producer(**{"transactional.id": f"tx-{self.topic}-{self.serial}"})
        producer.init_transactions(60)
        producer.begin_transaction()
        names = [self._produce(producer, []) for _ in range(20)]
        if self.rng.random() < 0.34:
            producer.abort_transaction(60)
        else:
            producer.commit_transaction(60)
            self.sent.update(names)

    def _produce(self, producer: Any, failed: list[object]) -> str:
        self.serial += 1
        name = f"{self.topic}-{self.serial}"
        body = {
            "eventId": name,
            "eventType": "ORDER_CREATED",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "payload": {"number": self.serial},
            "metadata": {"source": "shop", "correlationId": name},
        }
        producer.produce(
            self.topic,
            json.dumps(body).encode(),
            partition=self.rng.randrange(PARTITIONS),
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
        producer.poll(0)
        return name


def until(done: Callable[[], bool], what: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, what()
        time.sleep(0.2)


@pytest.mark.kill
@pytest.mark.timeout(SECONDS + 400)
def test_what_is_stored_is_what_was_committed_whatever_dies(
    server: ApacheKafka, postgres: Postgres, tmp_path: Path
) -> None:
    rng = random.Random(7)
    topic = "chaos-orders"
    server.create(topic, PARTITIONS)
    host = Host(tmp_path, DATABASE_URL=postgres.url, EVENTSCOPE_TEST_LIFE=str(SECONDS + 400))
    options = {
        "brokers": {
            "main": {"type": "kafka", "bootstrap_servers": [server.address], "topics": ["chaos-*"]}
        },
        "limits": {"batch_events": 60, "linger": "5ms", "lease": "1s", "discovery": "500ms"},
    }
    began_ms = time.time_ns() // 1_000_000 - 2000
    stream = Stream(server, topic, rng)
    workers = Workers(host, options)
    try:
        until_s = time.monotonic() + SECONDS
        while time.monotonic() < until_s:
            stream.publish(rng.randrange(20, 200))
            strike = rng.choice(
                ("kill", "kill", "stop", "freeze", "transact", "broker", "database")
            )
            place = rng.randrange(2)
            if strike == "kill":
                workers.replace(place, signal.SIGKILL)
            elif strike == "stop":
                workers.replace(place, signal.SIGTERM)
            elif strike == "freeze":
                workers.freeze(place, 1.5)
            elif strike == "transact":
                stream.transact()
            elif strike == "broker":
                server.kill()
                server.start()
            else:
                postgres.restart(crash=True)

        def told() -> object:
            missing = stream.sent - Counter(host.do("ids", prefix="chaos"))
            rows = host.do("rows", prefix="chaos")["streams"]
            return sum(missing.values()), sorted(missing)[:5], rows, host.log()[-3000:]

        until(lambda: len(host.do("ids", prefix="chaos")) >= sum(stream.sent.values()), told)
    finally:
        workers.end()
        ids = host.do("ids", prefix="chaos")
        rows = host.do("rows", prefix="chaos")
        counts = host.do(
            "counts",
            prefix="chaos",
            topics=[topic],
            since_ms=began_ms,
            until_ms=time.time_ns() // 1_000_000 + 1000,
        )
        host.close()

    assert Counter(ids) == stream.sent
    assert len(rows["streams"]) == PARTITIONS
    assert sum(row["stored"] for row in rows["streams"]) == len(ids)
    assert counts["published"] == {f"{topic}|ORDER_CREATED": len(ids)}
    assert rows["gaps"] == []


def test_partitions_spread_over_workers_and_move_from_a_dead_one(
    server: ApacheKafka, tmp_path: Path
) -> None:
    topic = "spread-orders"
    server.create(topic, 12)
    host = Host(tmp_path)
    options = {
        "brokers": {
            "main": {"type": "kafka", "bootstrap_servers": [server.address], "topics": ["spread-*"]}
        },
        "limits": {"linger": "50ms", "lease": "2s", "discovery": "500ms"},
    }
    workers = Workers(host, options)

    def owners() -> Counter[str]:
        rows = host.do("rows", prefix="spread")["streams"]
        return Counter(row["owner"] for row in rows)

    try:
        until(lambda: sorted(owners().values()) == [6, 6], owners)
        host.do("end", child=workers.running.pop(), number=signal.SIGKILL)
        until(lambda: list(owners().values()) == [12], owners)
    finally:
        workers.end()
        host.close()
