"""A consumer goes on whatever its broker, its handlers or we ourselves do wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from eventscope import Event, NoRetry, RetryPolicy, TransportError
from eventscope.handling import Handler, decide
from eventscope.retry import Backoff
from eventscope.transports import MemoryTransport, RedisTransport
from eventscope.transports.base import Delivery, GroupMoves, Member, Settlement
from tests.eventscope.conftest import MakeBus, eventually
from tests.servers import Valkey


class Moody(MemoryTransport):
    """A memory broker whose methods fail once each, in a way nobody has foreseen."""

    def __init__(self, *methods: str) -> None:
        super().__init__()
        self.moody = set(methods)

    def _maybe_fail(self, method: str) -> None:
        if method in self.moody:
            self.moody.discard(method)
            raise ZeroDivisionError(method)

    async def read(self, member: Member, *, count: int, wait: float) -> list[Delivery]:
        self._maybe_fail("read")
        return await super().read(member, count=count, wait=wait)

    async def claim(self, member: Member, **options: Any) -> list[Delivery]:
        self._maybe_fail("claim")
        return await super().claim(member, **options)

    async def settle(
        self, member: Member, settlements: Sequence[Settlement]
    ) -> list[bool | TransportError]:
        self._maybe_fail("settle")
        return await super().settle(member, settlements)


class Moves(MemoryTransport):
    """A group that is shared out anew for so many reads, and once while settling."""

    def __init__(self, reads: int) -> None:
        super().__init__()
        self.reads = reads
        self.settles = 1

    async def read(self, member: Member, *, count: int, wait: float) -> list[Delivery]:
        self.reads -= 1
        if self.reads >= 0:
            raise GroupMoves("moves")
        return await super().read(member, count=count, wait=wait)

    async def settle(
        self, member: Member, settlements: Sequence[Settlement]
    ) -> list[bool | TransportError]:
        self.settles -= 1
        if self.settles >= 0:
            raise GroupMoves("moves")
        return await super().settle(member, settlements)


@pytest.mark.parametrize(("reads", "warned"), [(3, 0), (12, 1)])
async def test_group_that_moves_is_waited_for_and_told_where_it_takes_long(
    make_bus: MakeBus, caplog: pytest.LogCaptureFixture, reads: int, warned: int
) -> None:
    transport = Moves(reads)
    bus = make_bus(transport=transport, backoff=Backoff(0.001, 0.01))
    seen: list[int] = []
    bus.subscribe("ORDER_CREATED", lambda event: seen.append(event.attempt))
    await bus.start()
    await bus.publish("ORDER_CREATED")

    await eventually(lambda: seen == [1] and transport.settles < 0)
    await bus.stop()

    assert [one.getMessage() for one in caplog.records if one.levelno > 20] == ["moves"] * warned
    assert bus.counters.broker_failures == 0


async def test_unforeseen_errors_of_a_transport_do_not_silence_a_consumer(
    make_bus: MakeBus,
) -> None:
    policy = RetryPolicy(3, "20ms", claim_after="60ms")
    bus = make_bus(transport=Moody("read", "claim", "settle"), retry=policy)
    seen: list[int] = []
    bus.subscribe("ORDER_CREATED", lambda event: seen.append(event.attempt))
    await bus.start()
    await bus.publish("ORDER_CREATED")

    await eventually(lambda: seen == [1, 2])

    assert bus.counters.internal_errors == 2
    assert bus.counters.refused == 1


async def test_letter_that_the_broker_refuses_does_not_stall_the_group(
    make_bus: MakeBus, valkey: Valkey
) -> None:
    redis = RedisTransport(valkey.url)
    await redis.command("SET", "failed-events", "no stream")
    policy = RetryPolicy(0, "20ms", claim_after="100ms")
    bus = make_bus(transport=RedisTransport(valkey.url), retry=policy, concurrency=1)
    good: list[int] = []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        if event.payload < 20:
            raise NoRetry
        good.append(event.payload)

    await bus.start()
    await bus.publish_many([bus.event("ORDER_CREATED", n) for n in range(25)])
    await eventually(lambda: sorted(good) == [20, 21, 22, 23, 24])
    await redis.command("DEL", "failed-events")

    async def letters() -> bool:
        return bool(await redis.command("XLEN", "failed-events") == 20)

    await eventually(letters)
    await redis.close()

    assert bus.counters.refused >= 20


async def test_reading_stops_while_the_hands_are_full(make_bus: MakeBus) -> None:
    transport = MemoryTransport()
    bus, gate = make_bus(transport=transport), asyncio.Event()

    @bus.subscribe("ORDER_CREATED", group="inventory", concurrency=2)
    async def handle(event: Event) -> None:
        await gate.wait()

    await bus.publish_many([bus.event("ORDER_CREATED") for _ in range(100)])
    await bus.start()
    await asyncio.sleep(0.1)
    taken = transport.broker.group("orders-topic", "inventory").next_index
    gate.set()
    await eventually(lambda: bus.counters.succeeded == 100)

    assert taken == 8


@pytest.mark.parametrize(
    ("error", "attempt", "dead_letters", "outcome"),
    [
        (None, 1, True, "success"),
        (ValueError(), 1, True, "retry"),
        (ValueError(), 2, True, "retry"),
        (ValueError(), 3, True, "dead_lettered"),
        (ValueError(), 3, False, "failed"),
        (NoRetry(), 1, True, "dead_lettered"),
    ],
)
def test_outcome_follows_from_error_and_attempt(
    error: Exception | None, attempt: int, dead_letters: bool, outcome: str
) -> None:
    policy = RetryPolicy(max_retries=2)

    assert decide(error, attempt=attempt, policy=policy, dead_letters=dead_letters) == outcome


def test_callable_objects_are_seen_for_what_they_are() -> None:
    class Later:
        async def __call__(self, event: Event) -> None: ...

    class Now:
        def __call__(self, event: Event) -> None: ...

    assert (Handler.of("*", Later()).is_async, Handler.of("*", Now()).is_async) == (True, False)


def test_backoff_grows_to_its_cap_and_varies() -> None:
    backoff = Backoff(base=0.1, cap=2.0)

    assert all(0.05 <= backoff.delay(1) <= 0.2 for _ in range(100))
    assert all(0.05 <= backoff.delay(1_000) <= 2.0 for _ in range(100))
    assert max(backoff.delay(50) for _ in range(200)) > 1.0
    assert len({backoff.delay(5) for _ in range(10)}) > 1


@pytest.mark.parametrize("options", [{"max_retries": -1}, {"claim_after": 0}])
def test_policy_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        RetryPolicy(**options)


def test_policy_has_the_guides_numbers() -> None:
    policy = RetryPolicy()

    assert (policy.max_retries, policy.retry_delay, policy.max_attempts) == (3, 300.0, 4)
