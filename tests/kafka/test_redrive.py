"""Events put back on Apache Kafka: once for whoever reads what was committed, whatever dies between."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from pytest_django.fixtures import Settings

from dashboard.recovery.actions import Options, create_job
from dashboard.recovery.items import count_items
from dashboard.recovery.kafka_sending import KafkaSender
from dashboard.recovery.selection import Selection
from dashboard.recovery.sending import BrokerAway, Put
from dashboard.recovery.steps import Counts
from dashboard.recovery.working import Worker
from ingest.options import BrokerOptions, IngestOptions
from ingest.queries.letters import LetterFilter
from tests.dashboard.recovery.conftest import make_original
from tests.kafka.servers import ApacheKafka
from tests.servers import free_port


@pytest.fixture
def sender(apache_kafka: ApacheKafka) -> Iterator[KafkaSender]:
    made = opened(apache_kafka)
    yield made
    made.close()


def opened(server: ApacheKafka) -> KafkaSender:
    return KafkaSender(BrokerOptions(type="kafka", bootstrap_servers=(server.address,)))


def puts(topic: str, first: int, last: int) -> list[Put]:
    headers = ((b":key", b"customer"), (b"tenant", b"a"))
    return [Put(f"{topic}-{n}", topic, b"%d" % n, headers) for n in range(first, last)]


def committed(server: ApacheKafka, topic: str, partitions: int) -> list[tuple[int, bytes, bytes]]:
    """Partition, key and body of all that a reader of committed messages gets."""
    consumer = Consumer(
        {
            "bootstrap.servers": server.address,
            "group.id": "reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    found: list[tuple[int, bytes, bytes]] = []
    ended: set[int | None] = set()
    deadline = time.monotonic() + 60
    while len(ended) < partitions:
        assert time.monotonic() < deadline
        for one in consumer.consume(100, 0.2):
            if one.error():
                ended.add(one.partition())
            else:
                found.append((one.partition() or 0, one.key() or b"", one.value() or b""))  # type: ignore[arg-type]
    consumer.close()
    return found


def test_key_headers_and_partition_are_kept(
    apache_kafka: ApacheKafka, sender: KafkaSender, topic: str
) -> None:
    apache_kafka.create(topic, 4)
    by_key, placed = puts(topic, 0, 2)

    sent = sender.send([by_key, placed._replace(partition=3)])

    assert all(one.position and not one.repeated and not one.refused for one in sent)
    assert sent[1].position == "3:0"
    by_body = {body: (partition, key) for partition, key, body in committed(apache_kafka, topic, 4)}
    assert by_body[b"1"] == (3, b"customer")
    assert by_body[b"0"][1] == b"customer"


def test_what_was_sent_is_not_sent_again_by_whoever_goes_on(
    apache_kafka: ApacheKafka, sender: KafkaSender, topic: str
) -> None:
    apache_kafka.create(topic)
    first = sender.send(puts(topic, 0, 5))
    heir = opened(apache_kafka)

    second = heir.send(puts(topic, 3, 8))

    heir.close()
    assert [one.repeated for one in second] == [True, True, False, False, False]
    assert [one.position for one in second[:2]] == [one.position for one in first[3:]]
    bodies = Counter(body for _, _, body in committed(apache_kafka, topic, 1))
    assert bodies == Counter(b"%d" % number for number in range(8))


@pytest.mark.parametrize("committing", [False, True], ids=["before commit", "after commit"])
def test_a_death_at_the_commit_leaves_each_event_once(
    apache_kafka: ApacheKafka, topic: str, committing: bool
) -> None:
    """All was appended; whether it counts is found out by the next."""
    apache_kafka.create(topic)
    dying = opened(apache_kafka)
    dying.send(puts(topic, 0, 1))
    producer = dying._producer
    assert producer is not None

    class Dying:
        def __getattr__(self, name: str) -> object:
            return getattr(producer, name)

        def commit_transaction(self, timeout: float) -> None:
            producer.flush(30)
            if committing:
                producer.commit_transaction(timeout)
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    dying._producer = Dying()  # type: ignore[assignment]
    with pytest.raises(BrokerAway):
        dying.send(puts(topic, 1, 4))
    heir = opened(apache_kafka)

    sent = heir.send(puts(topic, 1, 4))

    heir.close()
    assert [one.repeated for one in sent] == [committing] * 3
    bodies = Counter(body for _, _, body in committed(apache_kafka, topic, 1))
    assert bodies == Counter(b"%d" % number for number in range(4))


def test_one_that_still_runs_is_fenced_by_the_next(
    apache_kafka: ApacheKafka, sender: KafkaSender, topic: str
) -> None:
    apache_kafka.create(topic)
    sender.send(puts(topic, 0, 1))
    heir = opened(apache_kafka)
    heir.send(puts(topic, 1, 2))

    with pytest.raises(BrokerAway):
        sender.send(puts(topic, 2, 3))
    heir.send(puts(topic, 2, 3))

    heir.close()
    bodies = Counter(body for _, _, body in committed(apache_kafka, topic, 1))
    assert bodies == Counter(b"%d" % number for number in range(3))


def test_a_topic_that_is_gone_and_a_message_too_large_are_refused_alone(
    apache_kafka: ApacheKafka, sender: KafkaSender, topic: str
) -> None:
    apache_kafka.create(topic, max_message_bytes="2000")
    good, gone, large = puts(topic, 0, 3)

    sent = sender.send(
        [good, gone._replace(topic=f"{topic}-gone"), large._replace(body=b"x" * 9000)]
    )

    assert [one.refused for one in sent] == ["", "vanished", "refused"]
    assert [body for _, _, body in committed(apache_kafka, topic, 1)] == [b"0"]


def test_a_broker_that_is_away_is_told(topic: str) -> None:
    options = BrokerOptions(type="kafka", bootstrap_servers=(f"127.0.0.1:{free_port()}",))
    away = KafkaSender(options)
    away._admin._timeout = 1.0

    with pytest.raises(BrokerAway):
        away.send(puts(topic, 0, 1))


@pytest.mark.django_db(databases=["default", "events"])
def test_a_job_puts_letters_back_on_kafka_with_their_lineage(
    apache_kafka: ApacheKafka, topic: str, settings: Settings
) -> None:
    apache_kafka.create(topic, 2)
    kafka = BrokerOptions(type="kafka", bootstrap_servers=(apache_kafka.address,))
    settings.INGEST = IngestOptions(brokers={"main": kafka})
    letters = [make_original(n, topic=topic, partition=1, offset=str(n)) for n in range(3)]
    job = create_job(actor="ada", selection=Selection.of_filter(LetterFilter()), options=Options())
    worker = Worker()

    worker.step()

    worker.close()
    found = committed(apache_kafka, topic, 2)
    assert [partition for partition, _, _ in found] == [1, 1, 1]
    envelopes = [json.loads(body) for _, _, body in found]
    lineages = [envelope["metadata"].pop("redrive") for envelope in envelopes]
    assert envelopes == [json.loads(bytes(letter.event)) for letter in letters]
    assert [one["id"] for one in lineages] == [f"rd_{job.token}_{one.pk}" for one in letters]
    assert count_items(job) == Counts(published=3)
