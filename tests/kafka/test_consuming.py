"""What the bus relies on when it consumes from Kafka, without the bus."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest
from confluent_kafka import TopicPartition

from eventscope.errors import BrokerUnavailable, TransportError
from eventscope.transports.base import (
    Ack,
    DeadLetter,
    Delivery,
    Member,
    Outgoing,
    Release,
    Retry,
    Settlement,
)
from eventscope.transports.kafka import KafkaTransport
from eventscope.transports.kafka.ledger import Note
from eventscope.transports.kafka.poller import Poller
from tests.eventscope.conftest import eventually
from tests.kafka.servers import ApacheKafka, Broker
from tests.kafka.test_kit import consumed

T = TypeVar("T")
Make = Callable[..., KafkaTransport]
WITHIN = 90.0
LARGE = random.Random(1).randbytes(5000)


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[KafkaTransport] = []

    def transport(broker: Broker, **settings: object) -> KafkaTransport:
        words = "&".join(f"{name}={value}" for name, value in settings.items())
        made.append(KafkaTransport(f"kafka://{broker.address}?{words}"))
        return made[-1]

    yield transport
    for one in made:
        await one.close()


def member(topic: str, name: str = "one", group: str = "inventory") -> Member:
    return Member(f"{group}-{topic}", name, (topic,))


async def put(transport: KafkaTransport, topic: str, *bodies: bytes, key: bytes = b"k") -> None:
    headers = ((b"key", key), (b"trace", b"\xff\x00"))
    answers = await transport.append([Outgoing(topic, body, headers) for body in bodies])
    assert all(isinstance(answer, str) for answer in answers)


async def again(ask: Callable[[], Awaitable[T]]) -> T:
    """Until it is answered, as the bus does, while the group shares its partitions out anew."""
    while True:
        try:
            return await ask()
        except BrokerUnavailable:
            await asyncio.sleep(0.05)


async def taken(transport: KafkaTransport, who: Member, count: int, wait: float) -> list[Delivery]:
    return await again(lambda: transport.read(who, count=count, wait=wait))


async def read(transport: KafkaTransport, who: Member, count: int) -> list[Delivery]:
    """Until there are ``count``; a group takes its time to form."""
    found: list[Delivery] = []
    async with asyncio.timeout(WITHIN):
        while len(found) < count:
            found += await taken(transport, who, count - len(found), 0.2)
    return found


async def claim(
    transport: KafkaTransport, who: Member, count: int, *, retry: float = 0.0, silence: float = 60.0
) -> list[Delivery]:
    found: list[Delivery] = []

    async def ask() -> list[Delivery]:
        return await transport.claim(
            who, retry_after=retry, claim_after=silence, count=count - len(found)
        )

    async with asyncio.timeout(WITHIN):
        while len(found) < count:
            found += await again(ask)
            await asyncio.sleep(0.02)
    return found


async def test_entries_come_in_order_with_their_headers(
    broker: Broker, topic: str, make: Make
) -> None:
    transport, one = make(broker), member(topic)
    await transport.join(one, from_start=True)
    await put(transport, topic, b"1", b"2", b"3")

    found = await read(transport, one, 3)

    assert [item.body for item in found] == [b"1", b"2", b"3"]
    assert [item.attempt for item in found] == [1, 1, 1]
    assert found[0].headers == ((b"key", b"k"), (b"trace", b"\xff\x00"))
    partition = found[0].entry.partition(":")[0]
    assert [item.entry for item in found] == [f"{partition}:{offset}" for offset in range(3)]


async def test_what_is_settled_stays_so_and_what_is_not_comes_to_the_heir(
    broker: Broker, topic: str, make: Make
) -> None:
    first, one = make(broker, **{"session.timeout.ms": 6000}), member(topic)
    await first.join(one, from_start=True)
    await put(first, topic, b"1", b"2", b"3", b"4")
    a, _, c, d = await read(first, one, 4)

    assert await first.settle(one, [Ack(a), Ack(c), Release(d)]) == [True, True, True]
    assert await first.settle(one, [Ack(a)]) == [True]
    await first.leave(one)
    heir = make(broker)
    await heir.join(one, from_start=True)
    again = await claim(heir, one, 2)

    assert sorted((item.body, item.attempt, item.taken_over) for item in again) == [
        (b"2", 2, True),
        (b"4", 1, False),
    ]
    assert await heir.read(one, count=10, wait=0.3) == []


async def test_failed_entry_waits_then_comes_with_the_next_attempt(
    broker: Broker, topic: str, make: Make
) -> None:
    transport, one = make(broker), member(topic)
    await transport.join(one, from_start=True)
    await put(transport, topic, b"1")
    [delivery] = await read(transport, one, 1)
    assert await transport.first_failed_ms(one, delivery) is None

    assert await transport.settle(one, [Retry(delivery, 1_000)]) == [True]
    early = await transport.claim(one, retry_after=1e10, claim_after=60, count=9)
    [again] = await claim(transport, one, 1)
    first = await transport.first_failed_ms(one, again)
    await transport.settle(one, [Retry(again, 2_000)])
    [third] = await claim(transport, one, 1)

    assert early == []
    assert again == delivery._replace(attempt=2)
    assert third == delivery._replace(attempt=3)
    assert (first, await transport.first_failed_ms(one, third)) == (1_000, 1_000)


async def test_dead_letter_is_appended_and_acknowledged_once(
    broker: Broker, topic: str, make: Make
) -> None:
    transport, one = make(broker), member(topic)
    await transport.join(one, from_start=True)
    await put(transport, topic, b"1")
    [delivery] = await read(transport, one, 1)
    letter = Outgoing(f"{topic}-failed", b"letter", delivery.headers)

    first = await transport.settle(one, [DeadLetter(delivery, letter)])
    again = await transport.settle(one, [DeadLetter(delivery, letter)])

    assert (first, again) == ([True], [False])
    [found] = await asyncio.to_thread(consumed, broker, f"{topic}-failed", 1)
    assert (found.key(), found.value()) == (b"k", b"letter")
    assert found.headers() == [("trace", b"\xff\x00")]


async def test_settlements_of_all_kinds_go_in_one_call(
    broker: Broker, topic: str, make: Make
) -> None:
    transport, who = make(broker), member(topic)
    await transport.join(who, from_start=True)
    await put(transport, topic, b"1", b"2", b"3", b"4")
    one, two, three, four = await read(transport, who, 4)
    letter = Outgoing(f"{topic}-failed", b"x")

    answers = await transport.settle(
        who, [Retry(one, 1), Ack(two), DeadLetter(three, letter), Release(four)]
    )

    assert answers == [True] * 4
    due = await claim(transport, who, 2)
    assert {(item.body, item.attempt) for item in due} == {(b"1", 2), (b"4", 1)}


async def test_worker_that_fell_silent_is_known_by_the_member_itself(
    broker: Broker, topic: str, make: Make
) -> None:
    transport, one = make(broker), member(topic)
    await transport.join(one, from_start=True)
    await put(transport, topic, b"silent", b"held")
    silent, held = await read(transport, one, 2)
    await asyncio.sleep(1.1)
    await transport.hold(one, [held])

    [taken] = await transport.claim(one, retry_after=60, claim_after=1, count=9)

    assert (taken.body, taken.attempt, taken.taken_over) == (b"silent", 2, True)
    assert await transport.settle(one, [Retry(silent, 1)]) == [False]
    assert await transport.settle(one, [Ack(taken), Ack(held)]) == [True, True]


async def test_what_members_fell_silent_over_twice_is_taken_one_at_a_time(
    broker: Broker, topic: str, make: Make
) -> None:
    transport, one = make(broker), member(topic)
    await transport.join(one, from_start=True)
    await put(transport, topic, b"1", b"2", b"3")
    await read(transport, one, 3)
    second = await transport.claim(one, retry_after=0, claim_after=0, count=9)
    none = await transport.claim(one, retry_after=0, claim_after=0, count=9, suspects=0)
    third = await transport.claim(one, retry_after=0, claim_after=60, count=9)

    assert [(item.attempt, item.suspect) for item in second] == [(2, False)] * 3
    assert none == []
    assert [(item.body, item.attempt, item.suspect) for item in third] == [(b"1", 3, True)]


async def test_a_thread_that_stumbles_begins_anew(
    apache_kafka: ApacheKafka, topic: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport, one = make(apache_kafka), member(topic)
    await transport.join(one, from_start=True)
    await put(transport, topic, b"1", b"2")
    first, second = await read(transport, one, 2)
    await transport.settle(one, [Ack(first)])
    poll = Poller._poll

    def stumble(poller: Poller) -> None:
        monkeypatch.setattr(Poller, "_poll", poll)
        raise ZeroDivisionError("nobody has foreseen this")

    monkeypatch.setattr(Poller, "_poll", stumble)
    with pytest.raises(TransportError, match="nobody has foreseen this"):
        await read(transport, one, 1)

    [again] = await claim(transport, one, 1)
    assert (again.body, again.attempt, again.taken_over) == (second.body, 2, True)
    assert await transport.settle(one, [Retry(second, 1), Ack(again)]) == [False, True]


async def test_a_tombstone_is_passed_over(broker: Broker, topic: str, make: Make) -> None:
    transport, one = make(broker), member(topic)
    await transport.join(one, from_start=True)
    await put(transport, topic, b"1")
    producer = broker.producer()
    producer.produce(topic, None, key=b"k")
    assert producer.flush(60) == 0
    await put(transport, topic, b"2")

    found = await read(transport, one, 2)

    assert [item.body for item in found] == [b"1", b"2"]


async def test_a_group_has_a_name_that_a_topic_can_have(broker: Broker, make: Make) -> None:
    with pytest.raises(TransportError, match="'stock room' cannot be a group on Kafka"):
        await make(broker).join(Member("stock room", "one", ("orders",)), from_start=True)


async def test_a_broker_that_is_away_is_told(topic: str, make: Make) -> None:
    class Nowhere(Broker):
        address = "127.0.0.1:1"

    with pytest.raises(BrokerUnavailable, match=r"Kafka: _TRANSPORT: .*Connection refused"):
        await make(Nowhere()).join(member(topic), from_start=True)


async def test_a_letter_that_is_too_large_does_not_hold_up_its_neighbours(
    apache_kafka: ApacheKafka, topic: str, make: Make
) -> None:
    apache_kafka.create(f"{topic}-failed", **{"max.message.bytes": 1000})
    transport, one = make(apache_kafka), member(topic)
    await transport.join(one, from_start=True)
    await put(transport, topic, b"1", b"2", b"3")
    large, small, fine = await read(transport, one, 3)

    answers = await transport.settle(
        one,
        [
            DeadLetter(large, Outgoing(f"{topic}-failed", LARGE)),
            DeadLetter(small, Outgoing(f"{topic}-failed", b"x")),
            Ack(fine),
        ],
    )

    assert "MSG_SIZE_TOO_LARGE" in str(answers[0])
    assert answers[1:] == [True, True]
    [again] = await transport.claim(one, retry_after=60, claim_after=0, count=9)
    assert (again.body, again.attempt) == (b"1", 2)


async def test_new_group_begins_at_the_end_if_so_wanted(
    apache_kafka: ApacheKafka, topic: str, make: Make
) -> None:
    apache_kafka.create(topic, 2)
    transport, late = make(apache_kafka), member(topic, group="late")
    await put(transport, topic, b"old")
    await transport.join(late, from_start=False)
    await transport.join(late, from_start=True)
    await put(transport, topic, b"new")
    assert [item.body for item in await read(transport, late, 1)] == [b"new"]
    await transport.leave(late)
    await put(transport, topic, b"newer", key=b"another")

    await transport.join(late, from_start=False)

    assert [item.body for item in await read(transport, late, 1)] == [b"newer"]


async def settled(
    transport: KafkaTransport, who: Member, acks: list[Settlement]
) -> list[bool | TransportError]:
    return await again(lambda: transport.settle(who, acks))


async def test_members_share_the_partitions_and_each_entry_is_handled_once(
    apache_kafka: ApacheKafka, topic: str, make: Make
) -> None:
    apache_kafka.create(topic, 4)
    first, second = make(apache_kafka), make(apache_kafka)
    one, two = member(topic, "one"), member(topic, "two")
    for number in range(400):
        await put(first, topic, b"%d" % number, key=b"%d" % number)
    seen: dict[str, list[bytes]] = {"one": [], "two": []}
    done = asyncio.Event()

    async def work(transport: KafkaTransport, who: Member) -> None:
        await transport.join(who, from_start=True)
        while not done.is_set():
            found = await taken(transport, who, 5, 0.1)
            await asyncio.sleep(0.01)
            answers = await settled(transport, who, [Ack(item) for item in found])
            told = zip(found, answers, strict=True)
            seen[who.name] += [item.body or b"" for item, answer in told if answer is True]
            if sum(len(bodies) for bodies in seen.values()) >= 400:
                done.set()

    async with asyncio.timeout(WITHIN):
        await asyncio.gather(work(first, one), work(second, two))

    assert sorted(seen["one"] + seen["two"]) == sorted(b"%d" % number for number in range(400))


async def test_a_partition_that_moves_waits_for_what_is_in_hand(
    apache_kafka: ApacheKafka, topic: str, make: Make
) -> None:
    apache_kafka.create(topic, 2)
    first, second = make(apache_kafka), make(apache_kafka)
    one, two = member(topic, "one"), member(topic, "two")
    await first.join(one, from_start=True)
    bodies = [b"%d" % number for number in range(8)]
    for body in bodies:
        await put(first, topic, body, key=body)
    held = await read(first, one, 8)
    await second.join(two, from_start=True)
    await asyncio.sleep(1)

    answers = await first.settle(one, [Ack(item) for item in held])
    await put(first, topic, *bodies)
    found: list[Delivery] = []
    async with asyncio.timeout(WITHIN):
        while len(found) < 8:
            found += await taken(first, one, 8, 0.1)
            found += await taken(second, two, 8, 0.1)

    assert answers == [True] * 8
    assert [item.attempt for item in found] == [1] * 8


async def test_what_is_committed_can_be_read_by_other_tools(
    apache_kafka: ApacheKafka, topic: str, make: Make
) -> None:
    apache_kafka.create(topic)
    transport, one = make(apache_kafka), member(topic)
    await transport.join(one, from_start=True)
    await put(transport, topic, b"1", b"2", b"3")
    first, _, third = await read(transport, one, 3)
    await transport.settle(one, [Ack(first), Ack(third)])

    tool = apache_kafka.consumer(one.group)
    [noted] = await asyncio.to_thread(tool.committed, [TopicPartition(topic, 0)], 60)
    tool.close()

    assert noted.offset == 1
    assert Note.parsed(noted.offset, noted.metadata) == Note(1, 3, {1: 1})


async def test_a_partition_without_end_is_read_ahead_within_bounds(
    apache_kafka: ApacheKafka, topic: str, make: Make
) -> None:
    apache_kafka.create(topic)
    apache_kafka.publish(topic, *(b"%d" % number for number in range(3000)))
    transport, one = make(apache_kafka), member(topic)
    await transport.join(one, from_start=True)
    found = await read(transport, one, 10)
    [share] = [
        share
        for place, share in transport._members[(one.group, one.name)]._shares._shares.items()
        if place.topic == topic
    ]
    await eventually(lambda: share.paused)
    await asyncio.sleep(0.5)

    assert 500 <= len(share.fresh) < 1000
    async with asyncio.timeout(WITHIN):
        while len(found) < 3000:
            some = await taken(transport, one, 100, 0.1)
            await transport.settle(one, [Ack(item) for item in some])
            found += some
    assert [int(item.body or b"") for item in found] == list(range(3000))


async def test_a_copy_whose_header_is_not_ours_is_an_entry_like_any(
    apache_kafka: ApacheKafka, topic: str, make: Make
) -> None:
    transport, one = make(apache_kafka), member(topic)
    await transport.join(one, from_start=True)
    retry_topic = f"eventscope.retry.{one.group}"
    await transport.append([Outgoing(retry_topic, b"x", ((b"eventscope-retry", b"[1]"),))])

    [found] = await claim(transport, one, 1)

    assert (found.topic, found.body, found.attempt) == (retry_topic, b"x", 1)
    assert json.dumps(found.entry) == '"0:0"'
