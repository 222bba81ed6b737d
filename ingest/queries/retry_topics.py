"""Events that wait for their next attempt on Kafka: copies on the retry topic of each group.

What of them was handled already stands beside the group's offset (docs/adr/0023), so reading on from there
tells the rest, as no member of the group and without changing anything.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from eventscope.transports.kafka.fetched import Fetched, fetched_of
from eventscope.transports.kafka.ledger import Note
from eventscope.transports.kafka.names import RETRY_TOPICS
from ingest.options import BrokerOptions
from ingest.queries.waiting import Waiting, event_in
from ingest.sources.base import BrokerGone, Place
from ingest.sources.kafka_client import Admin, consumer_settings, failure
from ingest.sources.kafka_groups import MOST_GROUPS

__all__ = ["MOST_READ", "waiting_copies"]

MOST_READ = 2_000
"""Copies that one look reads; of more, the rest is counted by its offsets."""
_AT_ONCE = 500


class _Part(NamedTuple):
    """A partition of a retry topic: what its group noted, from where on to read it, and where it ends."""

    note: Note
    start: int
    end: int

    def waits(self, offset: int) -> bool:
        """Nobody had it yet, or it was given back; what was handed out is being tried."""
        return offset >= self.note.reach or self.note.open.get(offset) == 0


def waiting_copies(
    broker: str, options: BrokerOptions, *, limit: int, timeout: float
) -> tuple[list[Waiting], int]:
    """At most ``limit`` that wait, the first one due first, and how many wait. Raises `BrokerError`."""
    admin = Admin(options, timeout=timeout)
    try:
        parts = _parts(admin)
        copies, unread = _read(options, parts, time.monotonic() + timeout) if parts else ([], 0)
    finally:
        admin.close()
    now_ms = time.time_ns() // 1_000_000
    waiting = [one for one in copies if parts[Place(*one.place)].waits(one.offset)]
    waiting.sort(key=lambda one: one.origin.failed_ms if one.origin else 0)
    return [_told(broker, one, now_ms) for one in waiting[:limit]], len(waiting) + unread


def _parts(admin: Admin) -> dict[Place, _Part]:
    """Those that have something behind their group's offset."""
    told = admin.partitions()
    topics = sorted(name for name in told if name.startswith(RETRY_TOPICS))[:MOST_GROUPS]
    places = [Place(topic, number) for topic in topics for number in told[topic]]
    beginnings, ends = admin.beginnings(places), admin.ends(places)
    notes = {place: note for topic in topics for place, note in _notes(admin, topic)}
    parts = {}
    for place in beginnings.keys() & ends.keys():
        note = notes.get(place) or Note.parsed(0, None)
        parts[place] = _Part(note, max(note.offset, beginnings[place]), ends[place])
    return {place: part for place, part in parts.items() if part.start < part.end}


def _notes(admin: Admin, topic: str) -> Iterator[tuple[Place, Note]]:
    asked = ConsumerGroupTopicPartitions(topic.removeprefix(RETRY_TOPICS))
    for group in admin.told(admin.client.list_consumer_group_offsets([asked])).values():
        for one in group.topic_partitions:
            if one.topic == topic and one.offset >= 0 and one.error is None:
                yield Place(topic, one.partition), Note.parsed(one.offset, one.metadata)


def _read(
    options: BrokerOptions, parts: Mapping[Place, _Part], until: float
) -> tuple[list[Fetched], int]:
    """The copies behind the groups' offsets, and how many offsets were not looked at."""
    copies: list[Fetched] = []
    left = {place: part.start for place, part in parts.items()}
    consumer = Consumer(consumer_settings(options))
    try:
        consumer.assign([TopicPartition(*place, offset) for place, offset in left.items()])
        while left and len(copies) < MOST_READ:
            if time.monotonic() > until:
                raise BrokerGone("what waits for a retry could not be read in time")
            for one in consumer.consume(_AT_ONCE, 0.2):
                place, error = Place(one.topic() or "", one.partition() or 0), one.error()
                if error is None:
                    copies.append(fetched_of(one))
                    left[place] = copies[-1].offset + 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.pop(place, None)
                else:
                    raise failure(error)
    except KafkaException as error:
        raise failure(error.args[0]) from error
    finally:
        consumer.close()
    return copies, sum(max(0, parts[place].end - offset) for place, offset in left.items())


def _told(broker: str, one: Fetched, now_ms: int) -> Waiting:
    topic, entry = one.name
    event = event_in(one.delivery(0, False))
    return Waiting(
        broker=broker,
        topic=topic,
        group=one.place.topic.removeprefix(RETRY_TOPICS),
        entry=entry,
        attempts=one.origin.attempt - 1 if one.origin else 0,
        idle_ms=max(0, now_ms - one.origin.failed_ms) if one.origin else None,
        event_id=event.event_id[:255] if event else "",
        event_type=event.event_type[:255] if event else "",
        correlation_id=event.correlation_id[:255] if event else "",
        movable=False,
    )
