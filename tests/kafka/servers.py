"""Kafka for the tests: librdkafka's mock broker everywhere, Apache Kafka where Java and Maven are.

The mock comes with the client library (a real socket, the real protocol); it keeps everything and
cannot make, delete or truncate topics. What needs those runs on Apache Kafka, whose jars Maven
fetches as `tests/kafka/pom.xml` declares them.
"""

from __future__ import annotations

import base64
import functools
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from tests.servers import free_port

__all__ = ["ApacheKafka", "Broker", "MockKafka", "why_no_apache"]

ROOT = Path(__file__).resolve().parent
MOCK = """
import sys, time
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
[broker] = producer.list_topics(timeout=30).brokers.values()
print(f"{broker.host}:{broker.port}", flush=True)
sys.stdin.read()
"""
SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.check.interval.ms=500
auto.create.topics.enable=true
"""


class Broker:
    """What the tests do with any of them."""

    address: str

    def producer(self, **settings: object) -> Producer:
        return Producer({"bootstrap.servers": self.address, "log_level": 0, **settings})

    def consumer(self, group: str, **settings: object) -> Consumer:
        return Consumer({"bootstrap.servers": self.address, "group.id": group, **settings})

    @functools.cached_property
    def admin(self) -> AdminClient:
        """Kept, since what was asked of one is given up with it."""
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def publish(self, topic: str, *bodies: bytes, partition: int = 0, **more: object) -> None:
        """Append in order and wait until the broker has them."""
        producer = self.producer(**{"linger.ms": 0})
        failed: list[object] = []
        for body in bodies:
            producer.produce(
                topic,
                body,
                partition=partition,
                on_delivery=lambda error, _: failed.append(error) if error else None,
                **more,
            )
            producer.poll(0)
        left = producer.flush(60)
        assert (left, failed) == (0, [])


class MockKafka(Broker):
    """librdkafka's mock cluster of one broker, in a process of its own. Topics have four partitions."""

    def start(self) -> MockKafka:
        self.process = subprocess.Popen(
            [sys.executable, "-c", MOCK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.address, "the mock broker did not start"
        return self

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


class ApacheKafka(Broker):
    """One node of Apache Kafka (KRaft) that can be killed, frozen and started again with its data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "server.properties").write_text(self.settings())
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        cluster = cluster.replace("-", "A")  # a leading dash would be taken for an option
        words = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c")
        subprocess.run(
            self._command(*words, str(folder / "server.properties"), *self.format_options()),
            check=True,
            capture_output=True,
        )

    def settings(self) -> str:
        return SETTINGS.format(port=self.port, controller=free_port(), folder=self.folder)

    def format_options(self) -> list[str]:
        """What is said when its data folder is made."""
        return []

    def _command(self, *words: str) -> list[str]:
        memory = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
        return ["java", *memory, "-cp", class_path(), *words]

    def start(self) -> ApacheKafka:
        with (self.folder / "kafka.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command("kafka.Kafka", str(self.folder / "server.properties")),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )
        self.await_answer()
        return self

    def await_answer(self) -> None:
        admin, deadline = self.admin, time.monotonic() + 120
        while True:
            try:
                admin.list_topics(timeout=2)
            except KafkaException:
                assert time.monotonic() < deadline, (self.folder / "kafka.log").read_text()[-2000:]
                time.sleep(0.2)
            else:
                return

    def create(self, topic: str, partitions: int = 1, **config: str) -> None:
        settings = {name.replace("_", "."): value for name, value in config.items()}
        new = NewTopic(topic, partitions, 1, config=settings)
        self.admin.create_topics([new])[topic].result(120)
        self._until(lambda topics: len(topics.get(topic, ())) == partitions)

    def grow(self, topic: str, partitions: int) -> None:
        self.admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(120)
        self._until(lambda topics: len(topics.get(topic, ())) == partitions)

    def delete(self, topic: str) -> None:
        self.admin.delete_topics([topic])[topic].result(120)
        self._until(lambda topics: topic not in topics)

    def _until(self, seen) -> None:  # type: ignore[no-untyped-def]
        admin, deadline = self.admin, time.monotonic() + 120
        while True:
            told = admin.list_topics(timeout=60).topics
            if seen({name: one.partitions for name, one in told.items() if one.error is None}):
                return
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        if self.process is not None:
            self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(how)
        self.process.wait(timeout=60)
        self.process = None

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@functools.cache
def why_no_apache() -> str:
    """Why Apache Kafka cannot run here, "" if it can."""
    missing = [name for name in ("java", "mvn") if shutil.which(name) is None]
    if missing:
        return f"Apache Kafka needs {' and '.join(missing)}"
    try:
        class_path()
    except subprocess.CalledProcessError as error:
        return f"Maven could not bring Apache Kafka: {error.stdout.decode()[-300:]}"
    return ""


@functools.cache
def class_path() -> str:
    """The jars of Apache Kafka, brought by Maven once."""
    told = ROOT.parents[1] / "var" / f"kafka-classpath-{os.getpid()}.txt"
    told.parent.mkdir(exist_ok=True)
    command = ["mvn", "-q", "-B", "-f", str(ROOT / "pom.xml"), "dependency:build-classpath"]
    try:
        subprocess.run(
            [*command, f"-Dmdep.outputFile={told}"],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
        )
        return told.read_text().strip()
    finally:
        told.unlink(missing_ok=True)
