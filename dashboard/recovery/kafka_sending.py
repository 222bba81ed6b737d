"""Puts events back on Kafka: a chunk of them and the mark that they were sent are one transaction.

A consumer that reads committed messages gets each once, as on Redis: whoever goes on after a kill first
ends what the other had begun (its transactional id), then reads the latest marks, and answers for what
stands there with the position of the first time. A consumer that reads uncommitted messages may see
what was aborted, and then the same again; both carry one redrive id.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import NewTopic

from dashboard.recovery.sending import MARK_DAYS, BrokerAway, Put, Sent
from ingest.lineage import Pairs
from ingest.options import BrokerOptions
from ingest.sources.base import BrokerError, Place
from ingest.sources.kafka_client import Admin, client_settings, consumer_settings

__all__ = ["MARKS", "KafkaSender"]

MARKS = "eventscope.redriven"
TRANSACTION = "eventscope-redrive"
TIMEOUT_S = 20.0
LATEST_MARKS = 2_000
MOST_NAMES = 200_000
KEY = b":key"
_REFUSED = frozenset(
    (
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.INVALID_RECORD,
        KafkaError._KEY_SERIALIZATION,
    )
)
Marks = dict[str, str]


class KafkaSender:
    """One producer to one broker; for one thread, and for one process at a time."""

    def __init__(self, options: BrokerOptions) -> None:
        self._options = options
        self._admin = Admin(options, timeout=TIMEOUT_S)
        self._producer: Producer | None = None
        self._marks: Marks = {}

    def send(self, puts: Sequence[Put]) -> list[Sent]:
        """Append all in order, in one transaction. Raises `BrokerAway`; whether it was done is then
        found out by the next call."""
        try:
            partitions = self._admin.partitions()
            self._begin(partitions)
            fresh = [put for put in puts if put.name not in self._marks and put.topic in partitions]
            repeated = {put.name for put in puts if put.name in self._marks}
            refused = self._append(fresh, partitions)
        except (KafkaException, BrokerError, BrokerAway) as error:
            self.close()
            raise BrokerAway(str(error)) from error
        return [self._sent(put, repeated, refused) for put in puts]

    def close(self) -> None:
        """What is not committed is given up; whoever comes next ends it."""
        self._producer = None
        self._marks = {}
        self._admin.close()

    def _sent(self, put: Put, repeated: set[str], refused: set[str]) -> Sent:
        if put.name in self._marks:
            return Sent(self._marks[put.name], repeated=put.name in repeated)
        return Sent("", refused="refused" if put.name in refused else "vanished")

    def _begin(self, partitions: Mapping[str, Sequence[int]]) -> None:
        if self._producer is not None:
            return
        if MARKS not in partitions:
            self._make_marks()
        self._producer = self._open()
        self._marks = _read_marks(self._options, self._admin)

    def _open(self) -> Producer:
        """Ends what another with the same transactional id had begun."""
        producer = Producer(
            client_settings(
                self._options,
                **{
                    "transactional.id": TRANSACTION,
                    "partitioner": "murmur2_random",
                    "linger.ms": 5,
                    "message.timeout.ms": int(TIMEOUT_S * 1000),
                    "transaction.timeout.ms": int(TIMEOUT_S * 2000),
                },
            )
        )
        producer.init_transactions(TIMEOUT_S)
        return producer

    def _make_marks(self) -> None:
        config = {"retention.ms": str(MARK_DAYS * 86_400_000)}
        self._admin.told(self._admin.client.create_topics([NewTopic(MARKS, 1, config=config)]))

    def _append(self, puts: Sequence[Put], partitions: Mapping[str, Sequence[int]]) -> set[str]:
        """The names of those that the broker refuses for good; the others are committed and marked.

        It refuses a batch as a whole, so halves are tried until the culprit stands alone.
        """
        if not puts:
            return set()
        placed, blamed = self._transact(puts, partitions)
        if not blamed:
            self._keep(placed)
            return set()
        if len(puts) == 1:
            return {puts[0].name}
        middle = len(puts) // 2
        return self._append(puts[:middle], partitions) | self._append(puts[middle:], partitions)

    def _transact(
        self, puts: Sequence[Put], partitions: Mapping[str, Sequence[int]]
    ) -> tuple[Marks, bool]:
        """One try: where each was put, or that nothing was, as one of them will never be taken."""
        producer = self._producer
        assert producer is not None
        placed: Marks = {}
        failed: dict[str, KafkaError] = {}
        producer.begin_transaction()
        for put in puts:
            self._produce(producer, put, len(partitions[put.topic]), placed, failed)
        if not _flushed(producer):
            raise BrokerAway("the broker did not take the messages in time")
        if any(error.code() in _REFUSED for error in failed.values()):
            producer.abort_transaction(TIMEOUT_S)
            self._producer = self._open()  # this one still purges what it had
            return {}, True
        if failed:
            raise KafkaException(next(iter(failed.values())))
        producer.produce(MARKS, msgspec.json.encode(placed), partition=0)
        producer.commit_transaction(TIMEOUT_S)
        return placed, False

    def _produce(
        self,
        producer: Producer,
        put: Put,
        partitions: int,
        placed: Marks,
        failed: dict[str, KafkaError],
    ) -> None:
        def delivered(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                failed[put.name] = error
            else:
                placed[put.name] = f"{message.partition()}:{message.offset()}"

        known = put.partition is not None and put.partition < partitions
        try:
            producer.produce(
                put.topic,
                put.body,
                key=dict(put.headers).get(KEY),
                headers=_headers(put.headers),
                on_delivery=delivered,
                **({"partition": put.partition} if known else {}),
            )
        except KafkaException as error:
            failed[put.name] = error.args[0]
        producer.poll(0)

    def _keep(self, placed: Marks) -> None:
        self._marks |= placed
        for name in list(self._marks)[: max(0, len(self._marks) - MOST_NAMES)]:
            del self._marks[name]


def _headers(headers: Pairs) -> list[tuple[str, bytes]]:
    """Without those that ingest puts there for itself."""
    return [(name.decode("utf-8", "replace"), value) for name, value in headers if name[:1] != b":"]


def _flushed(producer: Producer) -> bool:
    until = time.monotonic() + TIMEOUT_S
    while producer.flush(0.5):
        if time.monotonic() > until:
            return False
    return True


def _read_marks(options: BrokerOptions, admin: Admin) -> Marks:
    """The latest marks: of a chunk that was committed and not noted none is older."""
    place = Place(MARKS, 0)
    beginning, end = admin.beginnings([place]).get(place, 0), admin.ends([place]).get(place, 0)
    marks: Marks = {}
    at = max(beginning, end - LATEST_MARKS)
    if at >= end:
        return marks
    consumer = Consumer(consumer_settings(options))
    consumer.assign([TopicPartition(*place, at)])
    until = time.monotonic() + TIMEOUT_S
    try:
        while at < end:
            if time.monotonic() > until:
                raise BrokerAway("the marks could not be read in time")
            for one in consumer.consume(500, 0.5):
                error = one.error()
                if error is None:
                    marks |= msgspec.json.decode(one.value() or b"{}", type=Marks)
                elif error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                at = max(at, (one.offset() or 0) + (error is None))
    finally:
        consumer.close()
    return marks
