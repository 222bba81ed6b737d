"""A Kafka's URL, librdkafka's settings, and what its errors mean to the bus. No I/O.

Settings are those of https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from confluent_kafka import KafkaError

from eventscope.errors import BrokerUnavailable, EventscopeError, TransportError
from eventscope.transports.base import GroupMoves

__all__ = [
    "KEY",
    "PRODUCER",
    "STATIC",
    "consumer_settings",
    "failure_of",
    "key_apart",
    "settings_of",
    "transaction_settings",
]

KEY = b"key"
STATIC = "group.instance.id"
_PASSING = frozenset(
    (
        KafkaError._MSG_TIMED_OUT,
        KafkaError._QUEUE_FULL,
        KafkaError._PURGE_QUEUE,
        KafkaError._PURGE_INFLIGHT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._RESOLVE,
        KafkaError._WAIT_COORD,
        KafkaError._DESTROY,
        KafkaError._STATE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
    )
)
# The member was counted out: its partitions are taken from it, or it joins again.
_MOVING = frozenset(
    (
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
    )
)
PRODUCER: dict[str, Any] = {
    "client.id": "eventscope",
    "enable.idempotence": True,
    # The partition of a key is that of Kafka's own clients, and of `eventscope.partitions`.
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "message.timeout.ms": 10_000,
    "reconnect.backoff.max.ms": 2000,
    "log_level": 0,
}
_CONSUMER: dict[str, Any] = {
    "partition.assignment.strategy": "cooperative-sticky",
    "auto.offset.reset": "earliest",
    # A member that is silent for so long is taken for dead; `RetryPolicy.claim_after` of others.
    "session.timeout.ms": 30_000,
    # A partition that is new to the consumer waits until the broker has answered for the others.
    "fetch.wait.max.ms": 100,
    # What is read ahead is read again where a partition moves: a little is enough.
    "queued.min.messages": 1000,
    "queued.max.messages.kbytes": 16_384,
    # How long a partition of which enough was read ahead is left alone: by default for a second.
    "fetch.queue.backoff.ms": 20,
    "allow.auto.create.topics": True,
    "topic.metadata.refresh.interval.ms": 30_000,
    "reconnect.backoff.max.ms": 2000,
    "log_level": 0,
}
_OURS: dict[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
}


def settings_of(url: str) -> dict[str, Any]:
    """librdkafka's settings in a ``kafka://`` URL. Raises `EventscopeError` where no host is named, or
    an account that would not be used."""
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    if not hosts:
        raise EventscopeError("a Kafka's URL names its hosts: kafka://host:9092,host:9092")
    settings: dict[str, Any] = {"bootstrap.servers": hosts}
    told = dict(parse_qsl(parts.query, keep_blank_values=True))
    if user:
        if not told.get("security.protocol", "").lower().startswith("sasl_"):
            raise EventscopeError(
                "a Kafka's URL with an account says how it is told: "
                "kafka://user:password@host:9092?security.protocol=SASL_SSL"
            )
        name, _, password = user.partition(":")
        settings |= {"sasl.username": unquote(name), "sasl.password": unquote(password)}
        if "sasl.mechanism" not in told:
            settings["sasl.mechanisms"] = "PLAIN"
    return settings | told


def consumer_settings(settings: dict[str, Any], group: str, name: str) -> dict[str, Any]:
    """Of the member ``name`` of ``group``; what is settled is ours to say, never librdkafka's."""
    return _CONSUMER | {"client.id": name} | settings | _OURS | {"group.id": group}


def transaction_settings(settings: dict[str, Any], group: str, name: str) -> dict[str, Any]:
    """``transactional.id`` is the member's own, so no two that live fence each other; a static member
    that is started again ends what it left open."""
    own = {
        "transactional.id": f"eventscope.{group}.{settings.get(STATIC, name)}",
        # An open one of a member that died holds up its heir and all readers for so long.
        "transaction.timeout.ms": 10_000,
        "linger.ms": 0,
        "retry.backoff.ms": 5,
    }
    return PRODUCER | own | settings


def failure_of(error: KafkaError, cause: str = "") -> TransportError:
    """`BrokerUnavailable` where it may help to try again."""
    text = f"Kafka: {error.name()}: {error.str()}"
    if error.code() in _MOVING:
        return GroupMoves(text)
    passing = error.fatal() or error.retriable() or error.code() in _PASSING
    if passing:
        return BrokerUnavailable(f"{text} ({cause})" if cause else text)
    return TransportError(text)


def key_apart(
    headers: Sequence[tuple[bytes, bytes]],
) -> tuple[bytes | None, list[tuple[str, str | bytes | None]]]:
    """The header ``key`` is a Kafka message's key; the others stay headers."""
    key = next((value for name, value in headers if name == KEY), None)
    return key, [(name.decode(), value) for name, value in headers if name != KEY]
