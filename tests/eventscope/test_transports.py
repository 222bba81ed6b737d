"""One behaviour suite for every transport: what the bus relies on, without the bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from eventscope.transports import MemoryTransport, RedisTransport, Transport, open_transport
from eventscope.transports.base import Ack, DeadLetter, Delivery, Member, Outgoing, Release, Retry
from eventscope.transports.memory import MemoryBroker
from tests.eventscope.conftest import MakeTransport
from tests.servers import Valkey

ONE = Member("inventory", "one", ("orders",))
TWO = Member("inventory", "two", ("orders",))


@pytest.fixture(params=["memory", "redis"])
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    """Kafka hands out partitions, not entries: tests/kafka/test_consuming.py says what it keeps."""
    if request.param == "memory":
        broker = MemoryBroker()
        return lambda: MemoryTransport(broker)
    valkey: Valkey = request.getfixturevalue("valkey")
    return lambda: RedisTransport(valkey.url)


@pytest.fixture
async def transport(make_transport: MakeTransport) -> AsyncIterator[Transport]:
    made = make_transport()
    await made.join(ONE, from_start=True)
    yield made
    await made.close()


async def put(transport: Transport, *bodies: bytes, topic: str = "orders") -> list[str]:
    answers = await transport.append([Outgoing(topic, body) for body in bodies])
    return [answer for answer in answers if isinstance(answer, str)]


async def read(transport: Transport, member: Member = ONE, count: int = 10) -> list[Delivery]:
    return await transport.read(member, count=count, wait=0.01)


async def claim(
    transport: Transport, member: Member, retry: float = 0.0, silence: float = 60.0
) -> list[Delivery]:
    return await transport.claim(member, retry_after=retry, claim_after=silence, count=10)


async def pending(transport: Transport) -> int:
    """How many entries some member of the group could still get, by waiting long enough."""
    other = Member("inventory", "counter", ("orders",))
    return len(await claim(transport, other, retry=0, silence=0.001))


async def test_entries_come_in_order_with_their_headers(transport: Transport) -> None:
    headers = ((b"key", b"ORD_1"), (b"trace", b"\xff\x00"))
    entries = [
        *await put(transport, b"1", b"2"),
        *await transport.append([Outgoing("orders", b"3", headers)]),
    ]

    deliveries = await read(transport)

    assert [one.body for one in deliveries] == [b"1", b"2", b"3"]
    assert [one.entry for one in deliveries] == entries
    assert [one.attempt for one in deliveries] == [1, 1, 1]
    assert deliveries[2].headers == headers


async def test_each_entry_goes_to_one_member_of_a_group_and_to_every_group(
    transport: Transport,
) -> None:
    billing = Member("billing", "one", ("orders",))
    await transport.join(billing, from_start=True)
    await put(transport, b"1", b"2")

    mine, theirs = await read(transport, ONE, 1), await read(transport, TWO)

    assert [one.body for one in (*mine, *theirs)] == [b"1", b"2"]
    assert len(await read(transport, billing)) == 2


async def test_new_group_begins_at_the_start_or_at_the_end_and_joining_again_changes_nothing(
    transport: Transport,
) -> None:
    late = Member("late", "one", ("orders",))
    await put(transport, b"old")
    await transport.join(late, from_start=False)
    await transport.join(late, from_start=True)
    await put(transport, b"new")

    assert [one.body for one in await read(transport, late)] == [b"new"]
    assert [one.body for one in await read(transport)] == [b"old", b"new"]


async def test_read_waits_for_the_first_entry(transport: Transport) -> None:
    reading = asyncio.create_task(transport.read(ONE, count=10, wait=60))
    await asyncio.sleep(0.02)
    await put(transport, b"1")

    assert [one.body for one in await asyncio.wait_for(reading, 60)] == [b"1"]


async def test_one_member_reads_several_topics(transport: Transport) -> None:
    both = Member("both", "one", ("orders", "payments"))
    await transport.join(both, from_start=True)
    await put(transport, b"1")
    await put(transport, b"2", topic="payments")

    found: list[Delivery] = []
    while len(found) < 2:
        found += await read(transport, both)

    assert {(one.topic, one.body) for one in found} == {("orders", b"1"), ("payments", b"2")}


async def test_acknowledged_entry_never_comes_back(transport: Transport) -> None:
    await put(transport, b"1")
    (delivery,) = await read(transport)

    assert await transport.settle(ONE, [Ack(delivery)]) == [True]
    assert await transport.settle(ONE, [Ack(delivery)]) == [True]

    assert await read(transport) == []
    assert await pending(transport) == 0


async def test_failed_entry_waits_then_anybody_gets_it_with_the_next_attempt(
    transport: Transport,
) -> None:
    await put(transport, b"1")
    (delivery,) = await read(transport)
    assert await transport.settle(ONE, [Retry(delivery, 1_000)]) == [True]

    early = await claim(transport, TWO, retry=60)
    await asyncio.sleep(0.06)
    (again,) = await claim(transport, TWO, retry=0.05)

    assert early == []
    assert (again.body, again.attempt, again.entry) == (b"1", 2, delivery.entry)


async def test_silence_that_makes_a_member_dead_does_not_shorten_the_delay_of_a_retry(
    transport: Transport,
) -> None:
    await put(transport, b"1")
    await transport.settle(ONE, [Retry(one, 1) for one in await read(transport)])
    await asyncio.sleep(0.03)

    assert await claim(transport, TWO, retry=60, silence=0.01) == []


async def test_time_of_the_first_failure_is_kept_until_the_entry_is_settled(
    transport: Transport,
) -> None:
    await put(transport, b"1")
    (first,) = await read(transport)
    assert await transport.first_failed_ms(ONE, first) is None
    await transport.settle(ONE, [Retry(first, 1_000)])
    (second,) = await claim(transport, TWO)
    await transport.settle(TWO, [Retry(second, 2_000)])
    (third,) = await claim(transport, ONE)

    assert await transport.first_failed_ms(ONE, third) == 1_000
    await transport.settle(ONE, [Ack(third)])
    assert await transport.first_failed_ms(ONE, third) is None


async def test_entry_of_a_silent_member_is_taken_over_and_held_ones_are_not(
    transport: Transport,
) -> None:
    await put(transport, b"silent", b"held")
    silent, held = await read(transport)
    await asyncio.sleep(1.1)
    await transport.hold(ONE, [held])

    taken = await claim(transport, TWO, silence=1)

    assert [(one.body, one.attempt) for one in taken] == [(b"silent", 2)]
    assert taken[0].entry == silent.entry


async def test_of_two_members_that_claim_at_once_one_gets_the_entry(
    transport: Transport, make_transport: MakeTransport
) -> None:
    other = make_transport()
    await put(transport, *(b"%d" % number for number in range(20)))
    await transport.settle(ONE, [Retry(one, 1) for one in await read(transport, count=20)])
    await asyncio.sleep(0.03)

    both = await asyncio.gather(
        transport.claim(ONE, retry_after=0.02, claim_after=60, count=20),
        other.claim(TWO, retry_after=0.02, claim_after=60, count=20),
    )
    await other.close()

    bodies = [one.body for part in both for one in part]
    assert sorted(bodies, key=str) == sorted((b"%d" % n for n in range(20)), key=str)


async def test_member_that_lost_an_entry_can_only_acknowledge_it(transport: Transport) -> None:
    await put(transport, b"1")
    (delivery,) = await read(transport)
    await asyncio.sleep(0.02)
    (taken,) = await claim(transport, TWO, silence=0.01)
    letter = Outgoing("failed", b"letter")

    await transport.hold(ONE, [delivery])
    settled = await transport.settle(
        ONE, [Retry(delivery, 1), Release(delivery), DeadLetter(delivery, letter)]
    )
    heirs = await transport.settle(TWO, [DeadLetter(taken, letter)])

    assert (settled, heirs) == ([False, False, False], [True])
    assert len(await _all(transport, "failed")) == 1


async def test_released_entry_is_due_at_once_and_the_delivery_is_not_counted(
    transport: Transport,
) -> None:
    await put(transport, b"1")
    (delivery,) = await read(transport)
    await transport.settle(ONE, [Release(delivery)])

    (again,) = await claim(transport, TWO, retry=3600)

    assert (again.body, again.attempt) == (b"1", 1)


async def test_dead_letter_is_appended_and_acknowledged_once(transport: Transport) -> None:
    await put(transport, b"1")
    (delivery,) = await read(transport)
    letter = Outgoing("failed", b"letter", ((b"key", b"ORD_1"),))

    first = await transport.settle(ONE, [DeadLetter(delivery, letter)])
    again = await transport.settle(ONE, [DeadLetter(delivery, letter)])

    assert (first, again) == ([True], [False])
    assert [(one.body, one.headers) for one in await _all(transport, "failed")] == [
        (b"letter", ((b"key", b"ORD_1"),))
    ]
    assert await pending(transport) == 0


async def test_settlements_of_all_kinds_go_in_one_call(transport: Transport) -> None:
    await put(transport, b"1", b"2", b"3", b"4")
    one, two, three, four = await read(transport)

    answers = await transport.settle(
        ONE, [Retry(one, 1), Ack(two), DeadLetter(three, Outgoing("failed", b"x")), Release(four)]
    )

    assert answers == [True] * 4
    assert {(d.body, d.attempt) for d in await claim(transport, TWO)} == {(b"1", 2), (b"4", 1)}


async def test_claiming_is_bounded(transport: Transport) -> None:
    await put(transport, b"1", b"2", b"3")
    await transport.settle(ONE, [Retry(one, 1) for one in await read(transport)])

    found = await transport.claim(TWO, retry_after=0, claim_after=60, count=2)

    assert len(found) == 2


async def test_what_members_fell_silent_over_twice_is_taken_one_at_a_time(
    transport: Transport,
) -> None:
    three = Member("inventory", "three", ("orders",))
    await put(transport, b"1", b"2", b"3")
    await read(transport)
    await asyncio.sleep(0.02)
    second = await claim(transport, TWO, silence=0.01)
    await asyncio.sleep(0.02)
    none = await transport.claim(three, retry_after=0, claim_after=0.01, count=9, suspects=0)
    third = await claim(transport, three, silence=0.01)

    assert [(one.attempt, one.suspect) for one in second] == [(2, False)] * 3
    assert none == []
    assert [(one.body, one.attempt, one.suspect) for one in third] == [(b"1", 3, True)]


async def test_member_that_leaves_takes_nothing_with_it(transport: Transport) -> None:
    await put(transport, b"1")
    await read(transport)
    await transport.leave(ONE)
    await asyncio.sleep(0.02)

    assert [one.body for one in await claim(transport, TWO, silence=0.01)] == [b"1"]


async def _all(transport: Transport, topic: str) -> list[Delivery]:
    member = Member("everything", "one", (topic,))
    await transport.join(member, from_start=True)
    return await read(transport, member, 1000)


class TestRedisAlone:
    """What only Redis can do wrong."""

    @pytest.fixture
    async def redis(self, valkey: Valkey) -> AsyncIterator[RedisTransport]:
        made = RedisTransport(valkey.url, max_length=100)
        yield made
        await made.close()

    async def test_group_that_vanished_is_made_again_from_the_start(
        self, redis: RedisTransport
    ) -> None:
        await redis.join(ONE, from_start=False)
        await redis.command("FLUSHALL")
        await put(redis, b"1")

        assert await read(redis) == []
        assert [one.body for one in await read(redis)] == [b"1"]

    async def test_entry_trimmed_away_while_pending_is_let_go(self, redis: RedisTransport) -> None:
        await redis.join(ONE, from_start=True)
        await put(redis, b"1", b"2")
        await redis.settle(ONE, [Retry(one, 1) for one in await read(redis)])
        await redis.command("XTRIM", "orders", "MAXLEN", 1)

        assert [one.body for one in await claim(redis, TWO)] == [b"2"]
        assert (await redis.command("XPENDING", "orders", "inventory"))[0] == 1

    async def test_stream_is_trimmed_to_about_its_length(self, redis: RedisTransport) -> None:
        await put(redis, *(b"%d" % number for number in range(3_000)))

        assert 100 <= await redis.command("XLEN", "orders") < 1_000

    async def test_message_the_broker_refuses_does_not_fail_its_neighbours(
        self, redis: RedisTransport
    ) -> None:
        await redis.command("SET", "orders", "no stream")
        answers = await redis.append([Outgoing("orders", b"1"), Outgoing("payments", b"2")])

        assert "WRONGTYPE" in str(answers[0])
        assert isinstance(answers[1], str)

    async def test_letter_that_cannot_be_appended_leaves_the_entry_pending(
        self, redis: RedisTransport
    ) -> None:
        await redis.join(ONE, from_start=True)
        await put(redis, b"1")
        (delivery,) = await read(redis)
        await redis.command("SET", "failed", "no stream")

        (answer,) = await redis.settle(ONE, [DeadLetter(delivery, Outgoing("failed", b"x"))])

        assert "WRONGTYPE" in str(answer)
        assert (await redis.command("XPENDING", "orders", "inventory"))[0] == 1

    async def test_member_without_entries_is_forgotten_when_it_leaves(
        self, redis: RedisTransport
    ) -> None:
        await redis.join(ONE, from_start=True)
        await put(redis, b"1")
        await redis.settle(ONE, [Ack(one) for one in await read(redis)])
        await redis.leave(ONE)

        assert await redis.command("XINFO", "CONSUMERS", "orders", "inventory") == []


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://127.0.0.1:1/0", RedisTransport),
        ("rediss://127.0.0.1:1/0", RedisTransport),
        ("valkey://127.0.0.1:1/0", RedisTransport),
        ("valkeys://127.0.0.1:1/0", RedisTransport),
        ("unix:///nowhere.sock", RedisTransport),
        ("memory://", MemoryTransport),
    ],
)
def test_url_names_the_transport(url: str, kind: type[Transport]) -> None:
    assert isinstance(open_transport(url), kind)


def test_unknown_scheme_is_refused() -> None:
    with pytest.raises(Exception, match="carrier-pigeon: no such transport"):
        open_transport("carrier-pigeon://loft")
