"""A connection to Kafka: settings as librdkafka names them, and its failures in our words.

https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import (
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from eventscope.transports.kafka.connection import Connection
from ingest.options import BrokerOptions
from ingest.sources.base import BrokerError, BrokerGone, Place

__all__ = ["Admin", "client_settings", "consumer_settings", "failure"]

T = TypeVar("T")

_PASSING = frozenset(
    (
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError._WAIT_COORD,
        KafkaError._NOENT,  # no leader just now
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
    )
)
_PREFETCH_KIB = 16 * 1024
_IDENTITY_TIMEOUT = 2.0
_ABSENT = frozenset((KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION))


def client_settings(options: BrokerOptions, **more: Any) -> dict[str, Any]:
    """What every client of this broker is made with; the library's own log lines are left out, as
    each failure they tell of is told by us once."""
    security = options.security
    named = {
        "sasl.mechanisms": security.mechanism,
        "sasl.username": security.username,
        "sasl.password": security.password,
        "ssl.ca.location": security.ca_file,
        "ssl.certificate.location": security.certificate_file,
        "ssl.key.location": security.key_file,
        "ssl.key.password": security.key_password,
    }
    return {
        "bootstrap.servers": ",".join(options.bootstrap_servers),
        "client.id": options.client_id,
        "security.protocol": security.protocol,
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": 2000,
        "allow.auto.create.topics": False,
        "log_level": 0,
        **{name: value for name, value in named.items() if value},
        **more,
    }


def consumer_settings(options: BrokerOptions) -> dict[str, Any]:
    """Of a consumer that is no member of a group, and told of all that happens to its offsets."""
    return client_settings(
        options,
        **{
            "group.id": options.group_id,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "queued.max.messages.kbytes": _PREFETCH_KIB,
            "fetch.wait.max.ms": 100,
            # How long a partition of which enough was read ahead is left alone: by default for a second.
            "fetch.queue.backoff.ms": 20,
        },
    )


def failure(error: KafkaError, cause: str = "") -> BrokerError:
    """`BrokerGone` where it may help to try again; ``cause`` is why there is no connection, if known."""
    text = f"{error.name()}: {error.str()}{f' ({cause})' if cause else ''}"
    return BrokerGone(text) if error.retriable() or error.code() in _PASSING else BrokerError(text)


class Admin:
    """Questions about topics, each answered within ``timeout`` seconds.

    Every method raises `BrokerGone` or `BrokerError`.
    """

    def __init__(self, options: BrokerOptions, *, timeout: float) -> None:
        self._options = options
        self._timeout = timeout
        self._made: AdminClient | None = None
        self._connection = Connection(options.security.protocol)

    @property
    def client(self) -> AdminClient:
        if self._made is None:
            self._connection = Connection(self._options.security.protocol)
            settings = client_settings(self._options, error_cb=self._connection.note)
            self._made = self._raising(lambda: AdminClient(settings))
        return self._made

    def partitions(self) -> dict[str, list[int]]:
        """The partitions of every topic that exists."""
        told = self._raising(lambda: self.client.list_topics(timeout=self._timeout))
        return {
            name: sorted(topic.partitions)
            for name, topic in told.topics.items()
            if topic.error is None
        }

    def ends(self, places: Sequence[Place]) -> dict[Place, int]:
        """The offset that the next committed message of each place gets; absent places left out."""
        return self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def beginnings(self, places: Sequence[Place]) -> dict[Place, int]:
        """The offset of the first message of each place that is still kept."""
        return self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def _offsets(self, places: Sequence[Place], spec: OffsetSpec) -> dict[Place, int]:
        if not places:
            return {}
        asked = {TopicPartition(*place): spec for place in places}
        futures = self.client.list_offsets(
            asked,
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=self._timeout,
        )
        told = self.told({Place(one.topic, one.partition): of for one, of in futures.items()})
        return {place: info.offset for place, info in told.items()}

    def identities(self, topics: Sequence[str]) -> dict[str, str]:
        """The id of each topic, another whenever it is made anew (Kafka 2.8 and later: KIP-516)."""
        if not topics:
            return {}
        futures = self.client.describe_topics(
            TopicCollection(list(topics)), request_timeout=min(self._timeout, _IDENTITY_TIMEOUT)
        )
        return {name: str(info.topic_id) for name, info in self.told(futures).items()}

    def told(self, futures: Mapping[T, Future[Any]]) -> dict[T, Any]:
        """The answers; what does not exist has none."""
        found = {}
        for asked, future in futures.items():
            try:
                found[asked] = self._raising(lambda future=future: future.result(self._timeout + 1))  # type: ignore[misc]
            except _Absent:
                continue
        return found

    def close(self) -> None:
        self._made = None

    def _raising(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except KafkaException as error:
            told: KafkaError = error.args[0]
            if told.code() in _ABSENT:
                raise _Absent(told.str()) from error
            raise failure(told, self._cause()) from error
        except TimeoutError as error:
            raise BrokerGone("the broker did not answer in time") from error

    def _cause(self) -> str:
        """What went wrong waits to be heard."""
        if self._made is not None:
            self._made.poll(0)
        return self._connection.cause


class _Absent(BrokerError):
    """There is no such topic or partition."""
