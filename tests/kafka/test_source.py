"""The Kafka source against the mock broker, and against Apache Kafka what the mock cannot do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from dashboard.recovery.kafka_sending import MARKS
from ingest.options import BrokerOptions
from ingest.records import Message, Position
from ingest.sources.base import BrokerGone, Checkpoint, Found, Loss, Place
from ingest.sources.kafka import Kafka
from tests.kafka.servers import ApacheKafka, Broker, MockKafka
from tests.servers import free_port

START = Checkpoint(Position(0, 0))
Open = Callable[..., Kafka]


@pytest.fixture
def opened() -> Iterator[Open]:
    made: list[Kafka] = []

    def open_source(address: str, *topics: str, **more: object) -> Kafka:
        options = BrokerOptions(
            type="kafka",
            bootstrap_servers=(address,),
            topics=topics,
            **more,  # type: ignore[arg-type]
        )
        made.append(Kafka(options, timeout=5))
        return made[-1]

    yield open_source
    for source in made:
        source.close()


class Seen:
    """What a source handed over of one place."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.losses: list[Loss] = []
        self.checkpoint = START
        self.observed_ms = self.lag = 0

    @property
    def bodies(self) -> list[bytes]:
        return [one.value for one in self.messages]

    @property
    def lost(self) -> int:
        return sum(loss.lost for loss in self.losses)


def read_until(
    source: Kafka,
    place: Place,
    done: Callable[[Seen], bool],
    *,
    seen: Seen | None = None,
    events: int = 1000,
    patience: float = 120,
) -> Seen:
    """Read as the pipeline does, through times in which the broker is gone."""
    seen = seen or Seen()
    deadline = time.monotonic() + patience
    while not done(seen):
        assert time.monotonic() < deadline, vars(seen)
        try:
            source.wait(0.1)
            intake = source.read(events, 1 << 20)
        except BrokerGone:
            continue
        for stream in intake.streams:
            if stream.place == place:
                assert len(stream.messages) <= events
                seen.messages += stream.messages
                seen.losses += stream.losses
                seen.checkpoint, seen.lag = stream.checkpoint, stream.lag
                seen.observed_ms = stream.observed_until_ms
    return seen


def numbered(*span: int) -> list[bytes]:
    return [b"%d" % number for number in range(*span)]


def has(count: int) -> Callable[[Seen], bool]:
    return lambda seen: len(seen.messages) >= count


# -- on any broker


def test_names_and_globs_find_partitions(broker: Broker, topic: str, opened: Open) -> None:
    broker.publish(f"{topic}-a", b"1")
    broker.publish(f"{topic}-dead", b"1")
    broker.publish(f"other-{topic}", b"1")
    source = opened(broker.address, f"{topic}-*", dead_letter_topics=("*-dead",))

    found = [one for one in source.discover() if one.place.partition == 0]

    assert found == [Found(Place(f"{topic}-a", 0), False), Found(Place(f"{topic}-dead", 0), True)]


def test_every_message_is_read_once_in_order_in_bounded_reads(
    broker: Broker, topic: str, opened: Open
) -> None:
    broker.publish(topic, *numbered(2500))
    source, place = opened(broker.address, topic), Place(topic, 0)
    source.assign({place: START})

    seen = read_until(source, place, lambda seen: has(2500)(seen) and not seen.lag, events=700)

    assert seen.bodies == numbered(2500)
    assert [one.position for one in seen.messages] == [Position(1, n) for n in range(2500)]
    assert (seen.checkpoint.position, seen.lost) == (Position(1, 2499), 0)


def test_key_headers_time_and_tombstones_come_along(
    broker: Broker, topic: str, opened: Open
) -> None:
    producer = broker.producer()
    headers = [("tenant", b"a"), ("tenant", b"b"), ("none", None)]
    told_ms = time.time_ns() // 1_000_000 - 5000
    producer.produce(topic, b"body", b"key", 0, timestamp=told_ms, headers=headers)
    producer.produce(topic, None, b"key", 0)
    assert producer.flush(30) == 0
    source, place = opened(broker.address, topic), Place(topic, 0)
    source.assign({place: START})

    first, second = read_until(source, place, has(2)).messages

    assert first == Message(
        Position(1, 0),
        told_ms,
        b"key",
        b"body",
        ((b"tenant", b"a"), (b"tenant", b"b"), (b"none", b"")),
        0,
    )
    assert (second.key, second.value) == (b"key", b"")


def test_reading_goes_on_after_the_checkpoint(broker: Broker, topic: str, opened: Open) -> None:
    broker.publish(topic, *numbered(10))
    source, place = opened(broker.address, topic), Place(topic, 0)
    source.assign({place: Checkpoint(Position(1, 6))})

    seen = read_until(source, place, has(3))

    assert seen.bodies == numbered(7, 10)


def test_all_before_the_look_was_handed_over(broker: Broker, topic: str, opened: Open) -> None:
    broker.publish(topic, b"1")
    source, place = opened(broker.address, topic), Place(topic, 0)
    source.assign({place: START})
    seen = read_until(source, place, has(1))
    began = time.time_ns() // 1_000_000

    read_until(source, place, lambda seen: seen.observed_ms > began, seen=seen)

    assert seen.observed_ms <= time.time_ns() // 1_000_000
    assert seen.bodies == [b"1"]


def test_a_broker_that_cannot_be_reached_is_gone(opened: Open) -> None:
    source = opened(f"127.0.0.1:{free_port()}", "orders")
    with pytest.raises(BrokerGone):
        source.discover()
    source.assign({Place("orders", 0): START})
    with pytest.raises(BrokerGone):
        source.read(10, 1000)


def test_what_was_taken_while_the_broker_goes_is_read_again(topic: str, opened: Open) -> None:
    server = MockKafka().start()
    try:
        server.publish(topic, *numbered(5))
        source, place = opened(server.address, topic), Place(topic, 0)
        source.assign({place: START})
        deadline = time.monotonic() + 120
        while not source._waiting:
            source.wait(0.2)
            source._waiting = [one for one in source._waiting if one.error() is None]
            assert time.monotonic() < deadline
    finally:
        server.stop()

    with pytest.raises(BrokerGone):
        source.read(10, 1000)

    assert source._tails[place].next is None


# -- on Apache Kafka


def test_own_topics_of_the_broker_and_ours_match_no_glob(
    apache_kafka: ApacheKafka, topic: str, opened: Open
) -> None:
    for name in ("__secret", topic, f"eventscope.retry.{topic}", MARKS):
        apache_kafka.publish(name, b"1")

    found = {one.place.topic for one in opened(apache_kafka.address, "*").discover()}
    named = opened(apache_kafka.address, f"eventscope.retry.{topic}").discover()

    assert topic in found
    assert not [name for name in found if name.startswith(("__", "eventscope."))]
    assert len(named) == 1


def test_partitions_that_are_added_are_found(
    apache_kafka: ApacheKafka, topic: str, opened: Open
) -> None:
    apache_kafka.create(topic, 4)
    source = opened(apache_kafka.address, topic)
    assert len(source.discover()) == 4

    apache_kafka.grow(topic, 12)

    assert [one.place for one in source.discover()] == [Place(topic, n) for n in range(12)]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_batches_are_read(
    apache_kafka: ApacheKafka, topic: str, opened: Open, codec: str
) -> None:
    producer = apache_kafka.producer(**{"compression.type": codec, "linger.ms": 50})
    bodies = [b"compress me %d" % number * 20 for number in range(200)]
    for body in bodies:
        producer.produce(topic, body, partition=0)
    assert producer.flush(30) == 0
    source, place = opened(apache_kafka.address, topic), Place(topic, 0)
    source.assign({place: START})

    assert read_until(source, place, has(200)).bodies == bodies


def test_aborted_transactions_are_not_seen_and_markers_are_no_lag(
    apache_kafka: ApacheKafka, topic: str, opened: Open
) -> None:
    producer = apache_kafka.producer(**{"transactional.id": f"tx-{topic}"})
    producer.init_transactions(30)
    for bodies, commit in ((numbered(3), True), (numbered(90, 93), False), (numbered(3, 5), True)):
        producer.begin_transaction()
        for body in bodies:
            producer.produce(topic, body, partition=0)
        producer.flush(30)
        (producer.commit_transaction if commit else producer.abort_transaction)(30)
    source, place = opened(apache_kafka.address, topic), Place(topic, 0)
    source.assign({place: START})
    began = time.time_ns() // 1_000_000

    seen = read_until(
        source, place, lambda seen: has(5)(seen) and not seen.lag and seen.observed_ms > began
    )

    assert (seen.bodies, seen.lost) == (numbered(5), 0)


def test_what_retention_took_is_counted_exactly(
    apache_kafka: ApacheKafka, topic: str, opened: Open
) -> None:
    apache_kafka.publish(topic, *numbered(100))
    source, place = opened(apache_kafka.address, topic), Place(topic, 0)
    source.assign({place: Checkpoint(Position(1, 9), observed_ms=5000)})
    deleted = TopicPartition(topic, 0, 73)
    apache_kafka.admin.delete_records([deleted])[deleted].result(120)

    seen = read_until(source, place, lambda seen: has(27)(seen) and not seen.lag)

    assert seen.bodies == numbered(73, 100)
    [loss] = seen.losses
    assert (loss.lost, loss.after, loss.from_ms) == (63, Position(1, 9), 5000)


def test_what_was_discarded_before_we_ever_looked_is_no_loss(
    apache_kafka: ApacheKafka, topic: str, opened: Open
) -> None:
    apache_kafka.publish(topic, *numbered(10))
    deleted = TopicPartition(topic, 0, 4)
    apache_kafka.admin.delete_records([deleted])[deleted].result(120)
    source, place = opened(apache_kafka.address, topic), Place(topic, 0)
    source.assign({place: START})

    seen = read_until(source, place, has(6))

    assert (seen.bodies, seen.lost) == (numbered(4, 10), 0)


@pytest.mark.parametrize("more", [3, 30], ids=["shorter", "longer"])
def test_a_topic_made_anew_is_read_from_its_beginning(
    apache_kafka: ApacheKafka, topic: str, opened: Open, more: int
) -> None:
    """Even where the new one has grown past the old offset: it has another id."""
    apache_kafka.create(topic)
    apache_kafka.publish(topic, *numbered(10))
    source, place = opened(apache_kafka.address, topic), Place(topic, 0)
    source.assign({place: START})
    seen = read_until(source, place, lambda seen: has(10)(seen) and bool(seen.checkpoint.identity))
    apache_kafka.delete(topic)
    apache_kafka.create(topic)
    apache_kafka.publish(topic, *numbered(100, 100 + more))

    read_until(source, place, has(10 + more), seen=seen)

    assert seen.bodies == numbered(10) + numbered(100, 100 + more)
    assert [one.position for one in seen.messages[10:]] == [Position(2, n) for n in range(more)]
    assert seen.messages == sorted(seen.messages, key=lambda one: one.position)


def test_a_topic_made_anew_while_we_were_away_tells_what_waited_as_lost(
    apache_kafka: ApacheKafka, topic: str, opened: Open
) -> None:
    apache_kafka.create(topic)
    apache_kafka.publish(topic, *numbered(10))
    source, place = opened(apache_kafka.address, topic), Place(topic, 0)
    source.assign({place: START})
    seen = read_until(source, place, lambda seen: has(10)(seen) and bool(seen.checkpoint.identity))
    source.close()
    apache_kafka.delete(topic)
    apache_kafka.create(topic)
    apache_kafka.publish(topic, *numbered(20))
    again = opened(apache_kafka.address, topic)
    again.assign({place: seen.checkpoint._replace(unread=7)})

    seen = read_until(again, place, has(20))

    assert (seen.bodies, seen.lost) == (numbered(20), 7)
    assert seen.checkpoint.position == Position(2, 19)


def test_a_restart_of_the_broker_loses_nothing_and_repeats_nothing(
    topic: str, opened: Open, tmp_path_factory: pytest.TempPathFactory, apache_kafka: ApacheKafka
) -> None:
    server = ApacheKafka(tmp_path_factory.mktemp("kafka")).start()
    try:
        source, place = opened(server.address, topic), Place(topic, 0)
        server.publish(topic, *numbered(500))
        source.assign({place: START})
        seen = read_until(source, place, has(200), events=200)
        server.kill()
        with pytest.raises(BrokerGone):
            source.read(200, 1 << 20)
        server.start()
        server.publish(topic, *numbered(500, 600))

        read_until(source, place, lambda seen: b"599" in seen.bodies, seen=seen)
    finally:
        server.stop()

    assert seen.bodies == numbered(600)


@pytest.mark.parametrize("more", [3, 20], ids=["shorter", "longer"])
@pytest.mark.parametrize("away", [False, True], ids=["reading", "away"])
def test_a_log_that_lost_its_end_goes_on_with_what_comes_after(
    away: bool,
    more: int,
    topic: str,
    opened: Open,
    tmp_path_factory: pytest.TempPathFactory,
    apache_kafka: ApacheKafka,
) -> None:
    """A broker that died before its disk had everything comes back with less than we have read."""
    server = ApacheKafka(tmp_path_factory.mktemp("kafka")).start()
    try:
        for number in range(10):
            server.publish(topic, b"%d" % number)
        source, place = opened(server.address, topic), Place(topic, 0)
        source.assign({place: START})
        seen = read_until(source, place, has(10))
        if away:
            source.assign({place: seen.checkpoint})
        server.kill()
        [log] = (server.folder / "data" / f"{topic}-0").glob("*.log")
        with log.open("rb+") as file:
            file.truncate(log.stat().st_size // 2)
        for index in log.parent.glob("*.*index"):
            index.unlink()
        server.start()
        server.publish(topic, *numbered(100, 100 + more))

        read_until(source, place, has(10 + more), seen=seen)
    finally:
        server.stop()

    assert seen.bodies == numbered(10) + numbered(100, 100 + more)
    assert [one.position.major for one in seen.messages] == [1] * 10 + [2] * more


def test_groups_are_told_with_their_lag_and_members(
    apache_kafka: ApacheKafka, topic: str, opened: Open
) -> None:
    from confluent_kafka import Consumer

    apache_kafka.create(topic)
    apache_kafka.publish(topic, *numbered(10))
    consumer = Consumer(
        {
            "bootstrap.servers": apache_kafka.address,
            "group.id": f"readers-{topic}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    deadline = time.monotonic() + 120
    while (one := consumer.poll(0.2)) is None or one.error():
        assert time.monotonic() < deadline
    consumer.commit(offsets=[TopicPartition(topic, 0, 4)], asynchronous=False)
    ours = apache_kafka.consumer(BrokerOptions().group_id)  # which mirrors what is stored
    ours.commit(offsets=[TopicPartition(topic, 0, 4)], asynchronous=False)
    ours.close()
    source, place = opened(apache_kafka.address, topic), Place(topic, 0)

    [sample] = source.sample_groups([place])
    consumer.close()
    [without] = source.sample_groups([place])

    assert (sample.place, sample.name, sample.lag) == (place, f"readers-{topic}", 6)
    assert (sample.pending, sample.consumers, without.consumers) == (0, 1, 0)
    assert (len(sample.members), without.members) == (1, frozenset())


def test_what_is_stored_is_told_to_the_broker(
    apache_kafka: ApacheKafka, topic: str, opened: Open
) -> None:
    apache_kafka.publish(topic, *numbered(10))
    source, place = opened(apache_kafka.address, topic, group_id=f"own-{topic}"), Place(topic, 0)
    source.assign({place: START})
    read_until(source, place, has(10))

    source.note_stored({place: Position(1, 7)})

    deadline = time.monotonic() + 120
    asked = [ConsumerGroupTopicPartitions(f"own-{topic}")]
    while True:
        [told] = apache_kafka.admin.list_consumer_group_offsets(asked).values()
        offsets = {one.topic: one.offset for one in told.result(120).topic_partitions}
        if offsets.get(topic) == 8:
            return
        assert time.monotonic() < deadline, offsets
        time.sleep(0.1)
