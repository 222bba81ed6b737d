"""Where a log that had another leader meanwhile parts from the one that was read.

Kafka answers this (OffsetForLeaderEpoch, KIP-320), but librdkafka asks only when a fetch fails and
tells the answer in the words of an error. So a reader of its own is sent past the end of the log.
"""

from __future__ import annotations

import re
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from ingest.options import BrokerOptions
from ingest.sources.base import BrokerGone, Place
from ingest.sources.kafka_client import consumer_settings, failure

__all__ = ["end_of_epoch", "told_end"]

_PAST_ANY_END = 1 << 62
_WORDS = re.compile(r"truncation detected .*broker end offset is (\d+)")


def told_end(error: KafkaError) -> int | None:
    """The end of the epoch that was asked for, where ``error`` tells it."""
    found = _WORDS.search(error.str())
    return int(found[1]) if found else None


def end_of_epoch(options: BrokerOptions, place: Place, epoch: int, *, timeout: float) -> int:
    """The offset after the last message that the broker has of ``epoch``. Raises `BrokerGone`."""
    try:
        prober = Consumer(consumer_settings(options))
        prober.assign([TopicPartition(*place, _PAST_ANY_END, "", epoch)])
    except KafkaException as error:
        raise failure(error.args[0]) from error
    try:
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            for one in prober.consume(10, 0.1):
                told = one.error()
                end = told_end(told) if told is not None else None
                if end is not None:
                    return end
    finally:
        prober.close()
    raise BrokerGone("the broker did not say where the epoch ended")
