"""Kafka partitions, read from our own checkpoints: no offsets of the broker are relied on.

Which worker reads which partition is decided by the leases in our database, as for every broker
(docs/adr/0015), so the consumer is no member of a group. What is stored is mirrored to the group's
offsets all the same, for the tools that show lag.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka import Message as Delivered

from ingest.options import BrokerOptions
from ingest.records import Message, Position
from ingest.sources.base import (
    BrokerError,
    BrokerGone,
    Checkpoint,
    Found,
    GroupSample,
    Intake,
    Place,
)
from ingest.sources.kafka_client import Admin, consumer_settings, failure
from ingest.sources.kafka_epochs import end_of_epoch, told_end
from ingest.sources.kafka_groups import group_samples
from ingest.sources.kafka_tails import (
    Mark,
    Tail,
    begin_anew,
    intake_of,
    judge_offset,
    made_anew,
)
from ingest.wire import OUR_NAMES

__all__ = ["Kafka"]

_HIDDEN = ("__", "eventscope.")
_AT_ONCE = 1000
_LOOK_EVERY = 0.25
_MORE_WITHIN = 0.05
_LOST_PLACE = frozenset(
    (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION)
)
_VANISHED = frozenset((KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION))


class Kafka:
    """A `Source` over one Kafka cluster."""

    def __init__(self, options: BrokerOptions, *, timeout: float = 10.0) -> None:
        self._options = options
        self._timeout = timeout
        self._admin = Admin(options, timeout=timeout)
        self._consumer: Consumer | None = None
        self._tails: dict[Place, Tail] = {}
        self._waiting: list[Delivered] = []
        self._astray: dict[Place, int | None] = {}
        self._looked_at = float("-inf")
        self._identifies: bool | None = None

    # -- what is there

    def discover(self) -> list[Found]:
        """Globs do not match the broker's own topics (``__…``) and ours: copies to retry, marks of redrives."""
        watched = self._options.topics
        letters = self._options.dead_letter_topics
        return [
            Found(Place(topic, partition), _named(topic, letters))
            for topic, partitions in sorted(self._admin.partitions().items())
            if _named(topic, (*watched, *letters))
            for partition in partitions
        ]

    # -- reading

    def assign(self, checkpoints: Mapping[Place, Checkpoint]) -> None:
        self._tails = {place: Tail(place, one) for place, one in checkpoints.items()}
        self._drop_consumer()

    def wait(self, seconds: float) -> bool:
        if not self._tails:
            time.sleep(seconds)
            return False
        if not self._waiting and not self._astray:
            self._waiting = self._consume(1, seconds)
        return bool(self._waiting or self._astray)

    def read(self, max_events: int, max_bytes: int) -> Intake:
        if not self._tails:
            return Intake([], False)
        before = {place: tail.mark() for place, tail in self._tails.items()}
        try:
            taken = self._take(max_events, max_bytes)
            self._verify(taken, before)
            looked_ms = self._look(taken)
            self._find_the_way()
        except BrokerError:
            for place, mark in before.items():
                self._tails[place].back_to(mark)
            self._drop_consumer()
            raise
        streams = [
            intake_of(tail, taken.get(place, []), looked_ms) for place, tail in self._tails.items()
        ]
        return Intake(streams, bool(taken) and any(tail.lag for tail in self._tails.values()))

    def _take(self, max_events: int, max_bytes: int) -> dict[Place, list[Message]]:
        """What is there, in order, each tail moved past its own; several reads fill a batch."""
        taken: dict[Place, list[Message]] = {}
        count = size = 0
        until = time.monotonic() + 4 * _MORE_WITHIN
        while count < max_events and size < max_bytes:
            delivered = self._waiting or self._consume(
                min(_AT_ONCE, max_events - count), _MORE_WITHIN if count else 0
            )
            self._waiting = []
            for one in delivered:
                message = self._received(one)
                if message is not None:
                    taken.setdefault(_place(one), []).append(message)
                    count += 1
                    size += len(message.value)
            if not delivered or time.monotonic() > until:
                break
        return taken

    def _verify(self, taken: dict[Place, list[Message]], before: Mapping[Place, Mark]) -> None:
        """See where the leader changed that its log still holds all that was read.

        What was taken from a log that parted before is given up, to be read from there on.
        """
        for place in list(taken):
            mark, tail = before[place], self._tails[place]
            if mark.epoch is None or mark.next is None or tail.epoch == mark.epoch:
                continue
            end = end_of_epoch(self._options, place, mark.epoch, timeout=self._timeout)
            if end < mark.next:
                del taken[place]
                tail.back_to(mark)
                self._astray[place] = end

    def _received(self, one: Delivered) -> Message | None:
        """The message, its tail moved past it; None where ``one`` tells of something else."""
        error = one.error()
        if error is not None:
            self._told(one, error)
            return None
        tail = self._tails[_place(one)]
        offset: int = one.offset()  # type: ignore[assignment]
        if tail.next is not None and offset < tail.next:
            return None
        tail.passed(offset + 1)
        tail.epoch = one.leader_epoch()
        return _message(one, Position(tail.incarnation, offset))

    def _told(self, one: Delivered, error: KafkaError) -> None:
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            self._tails[_place(one)].passed(one.offset() or 0)
        elif code in _LOST_PLACE and one.topic() is not None:
            self._astray[_place(one)] = told_end(error)
        elif code not in _VANISHED:  # a topic that vanished is told of by `_look`
            raise failure(error)

    def _consume(self, count: int, seconds: float) -> list[Delivered]:
        try:
            return self._connected().consume(count, seconds)
        except KafkaException as error:
            raise failure(error.args[0]) from error

    def _connected(self) -> Consumer:
        """The consumer, reading from where the tails are."""
        if self._consumer is None:
            self._identify(time.time_ns() // 1_000_000)
            self._consumer = self._open()
        return self._consumer

    def _open(self) -> Consumer:
        try:
            consumer = Consumer(consumer_settings(self._options))
            consumer.assign(
                [_start(tail) for tail in self._tails.values() if tail.missing_since_ms is None]
            )
        except KafkaException as error:
            raise failure(error.args[0]) from error
        return consumer

    # -- looking where the ends are

    def _look(self, taken: dict[Place, list[Message]]) -> int | None:
        """Ask for the ends, several times a second, and always if something came; when (ms), or None.

        A consumer says nothing while its broker is away, so this is how we know that it is there.
        What was ``taken`` of a topic that was made anew meanwhile may be of either: it is dropped
        and read again from the new one's beginning.
        """
        now = time.monotonic()
        if not taken and now < self._looked_at + _LOOK_EVERY:
            return None
        self._looked_at = now
        at_ms = time.time_ns() // 1_000_000
        ends = self._admin.ends(list(self._tails))
        for place in self._identify(at_ms):
            taken.pop(place, None)
        for place, tail in self._tails.items():
            if place not in ends:
                tail.miss(at_ms)
            elif tail.missing_since_ms is not None:
                self._meet_again(tail, ends[place], at_ms)
            else:
                tail.end = ends[place]
        return at_ms

    def _meet_again(self, tail: Tail, end: int, at_ms: int) -> None:
        """Without ids of topics, one that has fewer messages than were read must be another."""
        tail.missing_since_ms = None
        if not tail.topic_id and end < (tail.next or 0):
            made_anew(tail, "", at_ms)
        tail.end = end
        self._drop_consumer()

    def _identify(self, now_ms: int) -> list[Place]:
        """The places whose topic is not that of the checkpoint: it was made anew."""
        told = self._identities()
        anew = []
        for place, tail in self._tails.items():
            topic_id = told.get(place.topic, tail.topic_id)
            if tail.topic_id not in ("", topic_id):
                made_anew(tail, topic_id, now_ms)
                anew.append(place)
            tail.topic_id = topic_id
        if anew:
            self._drop_consumer()
        return anew

    def _identities(self) -> dict[str, str]:
        """Brokers before Kafka 2.8 know none; they leave the question without an answer."""
        if self._identifies is False:
            return {}
        topics = sorted({place.topic for place in self._tails})
        try:
            told = self._admin.identities(topics)
        except BrokerGone:
            if self._identifies:
                raise
            self._admin.partitions()
            self._identifies = False
            return {}
        self._identifies = True
        return told

    def _find_the_way(self) -> None:
        """Go on where the broker has messages, for tails whose offset it has not (any more)."""
        if not self._astray:
            return
        astray = [place for place in self._astray if place in self._tails]
        beginnings, ends = self._admin.beginnings(astray), self._admin.ends(astray)
        now_ms = time.time_ns() // 1_000_000
        for place in astray:
            if place in beginnings and place in ends:
                tail = self._tails[place]
                verdict = judge_offset(
                    tail.next,
                    beginning=beginnings[place],
                    end=ends[place],
                    parted=self._astray[place],
                )
                begin_anew(tail, verdict, now_ms)
        self._drop_consumer()

    def _drop_consumer(self) -> None:
        """The next use opens one that begins where the tails are."""
        consumer, self._consumer = self._consumer, None
        self._waiting, self._astray = [], {}
        if consumer is not None:
            consumer.close()

    # -- for others

    def note_stored(self, positions: Mapping[Place, Position]) -> None:
        offsets = [
            TopicPartition(*place, position.minor + 1) for place, position in positions.items()
        ]
        if self._consumer is None:
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException:
            return  # others see an older lag until the next time

    def sample_groups(self, places: Sequence[Place]) -> list[GroupSample]:
        return group_samples(self._admin, places, own=self._options.group_id)

    def close(self) -> None:
        self._drop_consumer()
        self._admin.close()


def _named(topic: str, patterns: Iterable[str]) -> bool:
    return any(
        topic == pattern or (not topic.startswith(_HIDDEN) and fnmatchcase(topic, pattern))
        for pattern in patterns
    )


def _start(tail: Tail) -> TopicPartition:
    """With the epoch of what was read last, so that the broker can tell if its log is another since."""
    if tail.next is None:
        return TopicPartition(*tail.place, OFFSET_BEGINNING)
    if tail.epoch is None:
        return TopicPartition(*tail.place, tail.next)
    return TopicPartition(*tail.place, tail.next, "", tail.epoch)


def _place(one: Delivered) -> Place:
    return Place(one.topic() or "", one.partition() or 0)


def _message(one: Delivered, position: Position) -> Message:
    """A tombstone (no value) is a message with nothing in it. What is ours to say is nobody else's."""
    kind, appended_ms = one.timestamp()
    headers: Any = one.headers() or ()
    key: Any = one.key()
    value: Any = one.value() or b""
    return Message(
        position,
        appended_ms if kind else time.time_ns() // 1_000_000,
        key,
        value,
        tuple([(name.encode(), told or b"") for name, told in headers if name not in OUR_NAMES]),
        one.partition() or 0,
    )
