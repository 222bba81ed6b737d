"""Memory and Redis answer any sequence of operations alike."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventscope.transports import MemoryTransport, RedisTransport, Transport
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
from tests.servers import Valkey

Operation = tuple[str, int, int]
Answer = list[object]

operations = st.lists(
    st.tuples(
        st.sampled_from(["put", "read", "ack", "retry", "release", "bury", "due", "take over"]),
        st.integers(0, 1),
        st.integers(1, 3),
    ),
    min_size=4,
    max_size=16,
)
BEGIN: list[Operation] = [("put", 0, 3), ("read", 0, 2), ("read", 1, 1)]
serial = count()


class Client:
    """Two members of one group over a topic of its own, doing as they are told."""

    def __init__(self, transport: Transport, topic: str) -> None:
        self.transport = transport
        self.topic = topic
        self.members = [Member("group", name, (topic,)) for name in ("one", "two")]
        self.held: list[dict[bytes, Delivery]] = [{}, {}]
        self.sent = 0

    async def do(self, operation: Operation) -> Answer:
        name, who, number = operation
        member, held = self.members[who], self.held[who]
        if name == "put":
            bodies = [b"%d" % (self.sent + step) for step in range(number)]
            self.sent += number
            answers = await self.transport.append([Outgoing(self.topic, body) for body in bodies])
            return [isinstance(answer, str) for answer in answers]
        if name == "read":
            return self.taken(who, await self.transport.read(member, count=number, wait=0.001))
        if name in ("due", "take over"):
            return self.taken(who, await self.claim(member, name))
        chosen = [held.pop(body) for body in sorted(held)[:number]]
        return list(await self.transport.settle(member, [self.made(name, one) for one in chosen]))

    async def claim(self, member: Member, name: str) -> Sequence[Delivery]:
        """All that is due, so that the order in which a broker looks does not matter."""
        if name == "take over":
            await asyncio.sleep(0.004)
        silence = 3600 if name == "due" else 0.002
        retry = 0 if name == "due" else 3000
        return await self.transport.claim(
            member, retry_after=retry, claim_after=silence, count=500, suspects=500
        )

    def taken(self, who: int, deliveries: Sequence[Delivery]) -> Answer:
        self.held[who].update({one.body or b"": one for one in deliveries})
        return sorted((one.body, one.attempt) for one in deliveries)

    def made(self, name: str, delivery: Delivery) -> Settlement:
        if name == "ack":
            return Ack(delivery)
        if name == "retry":
            return Retry(delivery, 1)
        if name == "release":
            return Release(delivery)
        return DeadLetter(delivery, Outgoing(f"{self.topic}-failed", delivery.body or b""))

    async def letters(self) -> Answer:
        member = Member("reader", "one", (f"{self.topic}-failed",))
        await self.transport.join(member, from_start=True)
        found = await self.transport.read(member, count=1000, wait=0.001)
        return [one.body for one in found]


async def answers(transport: Transport, steps: Sequence[Operation]) -> list[Answer]:
    client = Client(transport, f"topic-{next(serial)}")
    await transport.join(client.members[0], from_start=True)
    try:
        return [*[await client.do(step) for step in steps], await client.letters()]
    finally:
        await transport.close()


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=operations)
def test_memory_and_redis_answer_alike(valkey: Valkey, steps: list[Operation]) -> None:
    memory = asyncio.run(answers(MemoryTransport(), [*BEGIN, *steps]))
    redis = asyncio.run(answers(RedisTransport(valkey.url), [*BEGIN, *steps]))

    assert memory == redis
