from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import redis

from eventscope.transports.redis_scripts import WAITING
from ingest.options import BrokerOptions
from ingest.records import Position
from ingest.sources.base import BrokerGone, Checkpoint, Found, Place, StreamIntake
from ingest.sources.redis_streams import RedisStreams
from tests.servers import Valkey, free_port

ORDERS = Place("orders", 0)
START = Checkpoint(Position(0, 0))


@pytest.fixture
def client(valkey: Valkey) -> Iterator[redis.Redis]:
    with valkey.client() as made:
        yield made


@pytest.fixture
def source(valkey: Valkey) -> Iterator[RedisStreams]:
    made = RedisStreams(
        BrokerOptions(url=valkey.url, topics=("orders", "app-*"), dead_letter_topics=("*-failed",))
    )
    yield made
    made.close()


def add(client: redis.Redis, count: int, topic: str = "orders", body: bytes = b"{}") -> None:
    pipe = client.pipeline(transaction=False)
    for _ in range(count):
        pipe.xadd(topic, {b"event": body})
    pipe.execute()


def drain(source: RedisStreams, place: Place = ORDERS, *, events: int = 1000) -> tuple[int, int]:
    """Messages read and messages lost until nothing more is there."""
    read = lost = 0
    while True:
        intake = source.read(events, 1 << 20)
        for stream in intake.streams:
            if stream.place == place:
                read += len(stream.messages)
                lost += sum(loss.lost for loss in stream.losses)
        if not intake.full and not any(
            stream.messages or stream.restart for stream in intake.streams
        ):
            return read, lost


def last(source: RedisStreams) -> StreamIntake:
    return source.read(1000, 1 << 20).streams[0]


# -- discovery


def test_globs_and_names_find_existing_streams_only(
    client: redis.Redis, source: RedisStreams
) -> None:
    client.set("app-text", "no stream")
    for topic in ("app-one", "app-failed", "other"):
        add(client, 1, topic)

    assert source.discover() == [
        Found(Place("app-failed", 0), dead_letters=True),
        Found(Place("app-one", 0), dead_letters=False),
    ]


# -- reading


def test_every_message_is_read_once_in_order_in_bounded_reads(
    client: redis.Redis, source: RedisStreams
) -> None:
    ids = [client.xadd("orders", {"event": f"{n}"}) for n in range(500)]
    source.assign({ORDERS: START})

    seen = []
    while True:
        intake = source.read(100, 1 << 20)
        assert len(intake.streams[0].messages) <= 100
        seen += intake.streams[0].messages
        if not intake.full:
            break

    assert [b"%d-%d" % message.position for message in seen] == ids
    assert [message.value for message in seen] == [b"%d" % n for n in range(500)]


def test_reading_goes_on_after_the_checkpoint(client: redis.Redis, source: RedisStreams) -> None:
    add(client, 10)
    source.assign({ORDERS: START})
    checkpoint = last(source).checkpoint
    add(client, 3)

    source.assign({ORDERS: checkpoint})

    assert drain(source) == (3, 0)


def test_large_bodies_make_reads_smaller(client: redis.Redis, source: RedisStreams) -> None:
    add(client, 40, body=b"x" * 200_000)
    source.assign({ORDERS: START})

    sizes = []
    while True:
        intake = source.read(10_000, 1 << 20)
        sizes.append(sum(len(message.value) for message in intake.streams[0].messages))
        if not intake.full:
            break

    assert sum(sizes) == 40 * 200_000
    assert max(sizes) <= 4 << 20


def test_wait_wakes_when_something_is_added_and_sleeps_otherwise(
    client: redis.Redis, source: RedisStreams
) -> None:
    add(client, 1)
    source.assign({ORDERS: START})
    assert source.wait(60) is True
    drain(source)

    began = time.monotonic()
    assert source.wait(0.05) is False
    assert time.monotonic() - began < 60


def test_key_that_is_no_stream_any_more_does_not_stop_the_others(
    client: redis.Redis, source: RedisStreams
) -> None:
    add(client, 5)
    add(client, 5, "app-one")
    source.assign({ORDERS: START, Place("app-one", 0): START})
    drain(source)
    client.delete("orders")
    client.set("orders", "text now")
    add(client, 7, "app-one")

    assert drain(source, Place("app-one", 0)) == (7, 0)


def test_observed_until_is_the_brokers_time_at_the_end_and_the_last_message_before(
    client: redis.Redis, source: RedisStreams
) -> None:
    add(client, 300)
    source.assign({ORDERS: START})

    behind = source.read(50, 1 << 20).streams[0]
    assert behind.observed_until_ms == behind.messages[-1].appended_ms
    assert behind.lag == 300 - len(behind.messages)
    drain(source)
    seconds, micros = client.time()

    caught_up = last(source)
    assert caught_up.lag == 0
    assert caught_up.observed_until_ms >= seconds * 1000 + micros // 1000


def test_gone_broker_is_told_and_the_next_call_connects_again(
    valkey: Valkey, client: redis.Redis
) -> None:
    source = RedisStreams(BrokerOptions(url=f"redis://127.0.0.1:{free_port()}/0"), timeout=0.5)
    with pytest.raises(BrokerGone):
        source.discover()
    source.close()

    add(client, 2)
    alive = RedisStreams(BrokerOptions(url=valkey.url))
    alive.assign({ORDERS: START})
    last(alive)
    client.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(BrokerGone):
        alive.read(10, 1 << 20)
    add(client, 3)

    assert drain(alive) == (3, 0)
    alive.close()


# -- what the broker discarded


Spoil = Callable[[redis.Redis, list[bytes]], object]


def trim_all(client: redis.Redis, ids: list[bytes]) -> None:
    client.xtrim("orders", maxlen=0, approximate=False)


def trim_some(client: redis.Redis, ids: list[bytes]) -> None:
    client.xtrim("orders", maxlen=60, approximate=False)


def delete_middle(client: redis.Redis, ids: list[bytes]) -> None:
    client.xdel("orders", *ids[40:60])


def delete_newest(client: redis.Redis, ids: list[bytes]) -> None:
    client.xdel("orders", *ids[-20:])


def trim_and_delete(client: redis.Redis, ids: list[bytes]) -> None:
    client.xtrim("orders", maxlen=60, approximate=False)
    client.xdel("orders", ids[50], ids[70], ids[-1])


@pytest.mark.parametrize(
    ("spoil", "lost"),
    [
        (trim_all, 90),
        (trim_some, 30),
        (delete_middle, 20),
        (delete_newest, 20),
        (trim_and_delete, 33),
    ],
)
@pytest.mark.parametrize("events", [7, 1000])
def test_exact_number_lost(
    client: redis.Redis, source: RedisStreams, spoil: Spoil, lost: int, events: int
) -> None:
    """Ten are read, ninety wait, some of them vanish; then more arrive."""
    add(client, 10)
    source.assign({ORDERS: START})
    assert drain(source) == (10, 0)
    ids = [client.xadd("orders", {"event": "{}"}) for _ in range(90)]
    spoil(client, [b"", *[b""] * 9, *ids])
    add(client, 5)

    assert drain(source, events=events) == (90 - lost + 5, lost)


def test_what_was_read_already_may_vanish_without_being_counted(
    client: redis.Redis, source: RedisStreams
) -> None:
    ids = [client.xadd("orders", {"event": "{}"}) for _ in range(50)]
    source.assign({ORDERS: START})
    drain(source)
    client.xdel("orders", *ids[10:20])
    client.xtrim("orders", maxlen=5, approximate=False)
    add(client, 20)

    assert drain(source) == (20, 0)


def test_losses_repeat_exactly_while_a_stream_is_trimmed_under_us(
    client: redis.Redis, source: RedisStreams
) -> None:
    source.assign({ORDERS: START})
    add(client, 1)
    read, lost = drain(source)
    for _ in range(20):
        add(client, 50)
        client.xtrim("orders", maxlen=20, approximate=False)
        intake = source.read(8, 1 << 20).streams[0]
        read += len(intake.messages)
        lost += sum(loss.lost for loss in intake.losses)
    rest = drain(source)

    assert (read + rest[0]) + (lost + rest[1]) == 1001
    assert read + rest[0] == 1 + 19 * 8 + 20


def test_history_before_the_first_sight_is_not_a_loss(
    client: redis.Redis, source: RedisStreams
) -> None:
    add(client, 100)
    client.xtrim("orders", maxlen=30, approximate=False)
    source.assign({ORDERS: START})

    assert drain(source) == (30, 0)


def test_stream_made_after_we_looked_is_counted_from_its_first_message(
    client: redis.Redis, source: RedisStreams
) -> None:
    source.assign({ORDERS: START})
    last(source)
    add(client, 100)
    client.xtrim("orders", maxlen=30, approximate=False)

    assert drain(source) == (30, 70)


@pytest.mark.parametrize("look_between", [True, False])
def test_deleted_stream_loses_what_was_known_to_wait(
    client: redis.Redis, source: RedisStreams, look_between: bool
) -> None:
    add(client, 100)
    source.assign({ORDERS: START})
    first = source.read(40, 1 << 20).streams[0]
    read, lost = len(first.messages), 0
    client.flushall()
    if look_between:
        gone = last(source)
        lost += sum(loss.lost for loss in gone.losses)
    # ids of the new stream lie behind the old one's, as a millisecond later they do
    time.sleep(0.002)
    add(client, 10)

    after = drain(source)

    assert (read, after[0]) == (40, 10)
    assert lost + after[1] == 60


def test_stream_made_anew_with_smaller_ids_is_read_from_its_beginning(
    client: redis.Redis, source: RedisStreams
) -> None:
    add(client, 10)
    source.assign({ORDERS: START})
    drain(source)
    client.delete("orders")
    last(source)
    for n in range(1, 6):
        client.xadd("orders", {"event": "{}"}, id=f"{n}-0")

    assert drain(source) == (5, 0)


def test_loss_tells_when_it_happened(client: redis.Redis, source: RedisStreams) -> None:
    add(client, 1)
    source.assign({ORDERS: START})
    drain(source)
    seconds, micros = client.time()
    since = seconds * 1000 + micros // 1000
    drain(source)
    add(client, 10)
    kept = client.xadd("orders", {"event": "{}"})
    client.xtrim("orders", maxlen=1, approximate=False)

    (loss,) = last(source).losses

    assert loss.lost == 10
    assert since <= loss.from_ms <= loss.until_ms == int(kept.split(b"-")[0])


# -- consumer groups


def test_consumer_groups_with_lag_and_pending(client: redis.Redis, source: RedisStreams) -> None:
    add(client, 10)
    client.xgroup_create("orders", "workers", id="0")
    client.xreadgroup("workers", "one", {"orders": ">"}, count=4)

    (group,) = source.sample_groups([ORDERS, Place("absent", 0)])

    assert (group.place, group.name, group.lag, group.pending, group.consumers) == (
        ORDERS,
        "workers",
        6,
        4,
        1,
    )
    assert group.delivered_ms is not None


def test_what_waits_for_a_retry_is_no_consumer(client: redis.Redis, source: RedisStreams) -> None:
    add(client, 4)
    client.xgroup_create("orders", "workers", id="0")
    ((_, entries),) = client.xreadgroup("workers", "one", {"orders": ">"}, count=4)
    client.xclaim("orders", "workers", WAITING, 0, [entry for entry, _ in entries])

    (alive,) = source.sample_groups([ORDERS])
    client.xgroup_delconsumer("orders", "workers", "one")
    (alone,) = source.sample_groups([ORDERS])

    assert (alive.consumers, alive.pending) == (1, 4)
    assert (alone.consumers, alone.pending) == (0, 4)
