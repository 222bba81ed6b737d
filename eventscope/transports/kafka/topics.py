"""Topics that a group needs, and where a new group begins. These calls block."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from eventscope.transports.kafka.connection import Connection
from eventscope.transports.kafka.fetched import Place
from eventscope.transports.kafka.settings import failure_of

__all__ = ["make_missing", "starts_of_new_group"]

_ANSWER = 10.0


def make_missing(settings: dict[str, Any], topics: Sequence[str]) -> None:
    """With the broker's own number of partitions and copies. Raises `TransportError`.

    A broker may make a topic because it is asked about it; others make it when told to.
    """
    connection = Connection(settings.get("security.protocol", ""))
    ours: dict[str, Any] = {"log_level": 0, "allow.auto.create.topics": True}
    try:
        admin = AdminClient(ours | settings | {"error_cb": connection.note})
    except KafkaException as error:
        raise failure_of(error.args[0]) from error
    try:
        there = admin.list_topics(timeout=_ANSWER).topics
        asked = [topic for topic in topics if topic not in there]
        missing = [topic for topic in asked if not _is_there(admin, topic)]
        if missing:
            made = admin.create_topics(
                [NewTopic(topic) for topic in missing], request_timeout=_ANSWER
            )
            for future in made.values():
                _wait(future)
    except KafkaException as error:
        admin.poll(0)
        raise failure_of(error.args[0], connection.cause) from error


def _is_there(admin: AdminClient, topic: str) -> bool:
    error = admin.list_topics(topic, timeout=_ANSWER).topics[topic].error
    return error is None or error.code() == KafkaError.LEADER_NOT_AVAILABLE


def _wait(future: Future[None]) -> None:
    try:
        future.result(2 * _ANSWER)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def starts_of_new_group(consumer: Consumer, topics: Sequence[str]) -> dict[Place, int]:
    """The ends of the topics of which the group has no offset yet; what is added later has none."""
    try:
        starts: dict[Place, int] = {}
        for topic in topics:
            parts = consumer.list_topics(topic, timeout=_ANSWER).topics[topic].partitions
            places = [TopicPartition(topic, number) for number in sorted(parts)]
            if all(one.offset < 0 for one in consumer.committed(places, _ANSWER)):
                starts |= {Place(topic, one.partition): _end(consumer, one) for one in places}
        return starts
    except KafkaException as error:
        raise failure_of(error.args[0]) from error


def _end(consumer: Consumer, place: TopicPartition) -> int:
    return int(consumer.get_watermark_offsets(place, timeout=_ANSWER)[1])
