"""Hands drafts to Kafka by an idempotent producer."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from dashboard.api.drafts import Draft
from eventscope.errors import BrokerUnavailable, TransportError
from ingest.options import BrokerOptions
from ingest.sources.base import BrokerGone
from ingest.sources.kafka_client import Admin, client_settings

__all__ = ["produce_drafts"]

KEY = b"key"
_PASSING = frozenset((KafkaError._MSG_TIMED_OUT, KafkaError._TRANSPORT, KafkaError._TIMED_OUT))

Outcome = str | TransportError


def produce_drafts(
    options: BrokerOptions, drafts: Sequence[Draft], *, timeout: float
) -> list[Outcome]:
    """Append in order; for each ``partition:offset``, or why it was refused. Raises `BrokerUnavailable`."""
    topics = _topics(options, timeout)
    outcomes: dict[int, Outcome | KafkaError] = {
        index: TransportError("there is no such topic")
        for index, draft in enumerate(drafts)
        if draft.topic not in topics
    }
    producer = Producer(
        client_settings(
            options,
            **{
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "message.timeout.ms": int(timeout * 1000),
            },
        )
    )
    for index, draft in enumerate(drafts):
        if draft.topic in topics:
            _produce(producer, draft, index, outcomes)
    until = time.monotonic() + timeout + 1
    while producer.flush(0.2) and time.monotonic() < until:
        pass
    return [_told(outcomes.get(index)) for index in range(len(drafts))]


def _topics(options: BrokerOptions, timeout: float) -> Collection[str]:
    """Those that exist: a producer would wait half a minute for one that does not."""
    try:
        return Admin(options, timeout=timeout).partitions()
    except BrokerGone as error:
        raise BrokerUnavailable(str(error)) from error


def _produce(
    producer: Producer, draft: Draft, index: int, outcomes: dict[int, Outcome | KafkaError]
) -> None:
    def delivered(error: KafkaError | None, message: Any) -> None:
        outcomes[index] = error or f"{message.partition()}:{message.offset()}"

    try:
        producer.produce(
            draft.topic,
            draft.body,
            key=dict(draft.headers).get(KEY),
            on_delivery=delivered,
        )
    except KafkaException as error:
        outcomes[index] = error.args[0]
    producer.poll(0)


def _told(outcome: Outcome | KafkaError | None) -> Outcome:
    if outcome is None:
        raise BrokerUnavailable("it did not take the event in time")
    if not isinstance(outcome, KafkaError):
        return outcome
    if outcome.code() in _PASSING:
        raise BrokerUnavailable(outcome.str())
    return TransportError(f"{outcome.name()}: {outcome.str()}")
