"""Ingest from Apache Kafka: from twelve, eight and four partitions to committed rows, one worker.

    python -m benchmarks.kafka [--events 400000] [--long] [--store sqlite|postgresql] [--json]

The same workload, pipeline and counting as `benchmarks.ingest`; only draining is timed. Beside it, in
the same run, stands what librdkafka gives when messages are only consumed (bytes, key, headers and
time taken out as the source does, and thrown away), and what PostgreSQL takes in by a COPY of the very rows
that were stored. Needs Java and Maven.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks._figures import show

if TYPE_CHECKING:
    from tests.kafka.servers import ApacheKafka

PARTITIONS = {"orders-topic": 12, "payments-topic": 8, "notifications-topic": 4, "system-events": 4}
STORES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
CONFIG = """
[brokers.main]
type = "kafka"
bootstrap_servers = ["{address}"]
topics = [{topics}]
dead_letter_topics = []
"""


def main() -> None:
    arguments = _arguments()
    if arguments.fill:
        print(_fill(arguments.fill, arguments.events, arguments.seed))
        return
    if not arguments.store:
        for store in STORES:  # each in a process of its own: Django is set up once
            command = [sys.executable, "-m", "benchmarks.kafka", "--store", store, *sys.argv[1:]]
            subprocess.run(command, check=True)
        return
    folder = Path(tempfile.mkdtemp(prefix="eventscope-bench-"))
    try:
        _run(arguments, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=0, help="default 400k, 4M with --long")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--chunk", type=int, default=200_000, help="events in the broker at once")
    parser.add_argument("--store", choices=STORES, help="without: each of them")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--fill", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    parsed.events = parsed.events or (4_000_000 if parsed.long else 400_000)
    return parsed


def _run(arguments: argparse.Namespace, folder: Path) -> None:
    from tests.kafka.servers import ApacheKafka, why_no_apache
    from tests.postgres import Postgres

    if why_no_apache():
        sys.exit(why_no_apache())
    (folder / "kafka").mkdir()
    postgres = Postgres().start() if arguments.store == "postgresql" else None
    server = ApacheKafka(folder / "kafka").start()
    try:
        _configure(server, folder, postgres.url if postgres else "")
        for topic, partitions in PARTITIONS.items():
            server.create(topic, partitions)
        _measure(arguments, server)
    finally:
        server.stop()
        if postgres:
            postgres.stop()


def _configure(server: ApacheKafka, folder: Path, database: str) -> None:
    topics = ", ".join(f'"{name}"' for name in PARTITIONS)
    config = folder / "eventscope.toml"
    config.write_text(CONFIG.format(address=server.address, topics=topics))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ |= {
        "EVENTSCOPE_DATA": str(folder / "data"),
        "EVENTSCOPE_CONFIG": str(config),
        "EVENTSCOPE_LOG_LEVEL": "warning",
    }
    if database:
        os.environ["DATABASE_URL"] = database
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", database="events", verbosity=0)


def _measure(arguments: argparse.Namespace, server: ApacheKafka) -> None:
    from benchmarks.ingest import _drain
    from ingest.memory import settle_memory

    settle_memory()
    events = messages = 0
    seconds = raw_seconds = 0.0
    while events < arguments.events:
        made = _fill_apart(server.address, arguments.chunk, events)
        raw_seconds += _raw_seconds(server.address, messages, made)
        seconds += _drain(made, None)
        events += arguments.chunk
        messages += made
    rate, raw = events / seconds, messages / raw_seconds
    engine = STORES[arguments.store]
    figures = [
        (f"Kafka → {engine}, events a second, receipts counted", 2 * rate, "/s"),
        (f"Kafka → {engine}, events a second", rate, "/s"),
        (f"Kafka → {engine}, messages only consumed", raw, "/s"),
        (f"Kafka → {engine}, ingest's rate ÷ only consuming", messages / seconds / raw, ""),
    ]
    if arguments.store == "postgresql":
        from benchmarks._copy import copy_seconds

        copied = events / copy_seconds()
        figures.append((f"Kafka → {engine}, events a second, COPY of the same rows", copied, "/s"))
        figures.append((f"Kafka → {engine}, ingest's rate ÷ that COPY", rate / copied, ""))
    for name, value, unit in figures:
        show(name, value, unit, as_json=arguments.json)


def _fill_apart(address: str, events: int, seed: int) -> int:
    """By a process of its own, so that its memory is not taken for the worker's."""
    words = ["-m", "benchmarks.kafka", "--fill", address]
    command = [sys.executable, *words, "--events", str(events), "--seed", str(seed)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _fill(address: str, events: int, seed: int) -> int:
    from confluent_kafka import Producer

    from benchmarks._workload import messages

    settings = {"linger.ms": 20, "batch.size": 1 << 20, "queue.buffering.max.messages": 500_000}
    producer = Producer({"bootstrap.servers": address, "log_level": 0, **settings})
    made = 0
    for topic, body in messages(events, seed=seed):
        while True:
            try:
                producer.produce(topic, body, partition=made % PARTITIONS[topic])
                break
            except BufferError:
                producer.poll(0.1)
        made += 1
    left = producer.flush(120)
    assert left == 0, f"{left} messages were not taken"
    return made


def _raw_seconds(address: str, before: int, count: int) -> float:
    """How long consuming ``count`` messages after the first ``before`` takes, of all partitions."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "raw",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.assign(
        [
            TopicPartition(topic, number, 0)
            for topic, partitions in PARTITIONS.items()
            for number in range(partitions)
        ]
    )
    read, began = 0, time.perf_counter()
    while read < before + count:
        for one in consumer.consume(1000, 1.0):
            if one.error() is None:
                _ = (one.offset(), one.key(), one.value(), one.headers(), one.timestamp())
                read += 1
    consumer.close()
    return (time.perf_counter() - began) * count / (before + count)


if __name__ == "__main__":
    main()
