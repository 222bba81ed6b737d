"""Redis Streams (Redis ≥ 6.2 or Valkey): a topic is a stream, an event its field ``event``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import redis.asyncio
from redis import exceptions
from redis.asyncio.retry import Retry as RedisRetry
from redis.backoff import NoBackoff

from eventscope.errors import TransportError
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
from eventscope.transports.redis_connections import hear_cancellations
from eventscope.transports.redis_fields import EVENT
from eventscope.transports.redis_replies import (
    Command,
    Due,
    Waits,
    ack_commands,
    delivery_of,
    failures_key,
    few_suspects,
    raise_first,
    refusal,
    verdict,
    wrapped,
)
from eventscope.transports.redis_scripts import DEAD_LETTER, HOLD, LEAVE, RELEASE, RETRY, WAITING

__all__ = ["RedisTransport"]

_FORGET_IDLE_MS = 3_600_000


class RedisTransport:
    """``url`` as redis-py reads it; streams are trimmed to about ``max_length`` entries."""

    in_hand = 4

    def __init__(self, url: str, *, max_length: int = 200_000, timeout: float = 10.0) -> None:
        self._max_length = max_length
        self._client = redis.asyncio.Redis.from_url(
            url,
            protocol=2,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=RedisRetry(NoBackoff(), 0),
        )
        hear_cancellations(self._client.connection_pool)
        # Replies stay raw: the library's parsers of stream replies cost more than all of the rest.
        self._client.response_callbacks.clear()

    async def open(self) -> None:
        await self.ping()

    async def close(self) -> None:
        await self._client.aclose()

    async def ping(self) -> None:
        await self._one("PING")

    async def append(self, messages: Sequence[Outgoing]) -> list[str | TransportError]:
        replies = await self._many([self._xadd(message) for message in messages])
        return [
            wrapped(reply) if isinstance(reply, Exception) else reply.decode() for reply in replies
        ]

    async def join(self, member: Member, *, from_start: bool) -> None:
        start = "0" if from_start else "$"
        commands = [
            ("XGROUP", "CREATE", topic, member.group, start, "MKSTREAM") for topic in member.topics
        ]
        for reply in await self._many(commands):
            if isinstance(reply, Exception) and "BUSYGROUP" not in str(reply):
                raise wrapped(reply)

    async def read(self, member: Member, *, count: int, wait: float) -> list[Delivery]:
        command = ("XREADGROUP", "GROUP", member.group, member.name, "COUNT", count)
        block = ("BLOCK", max(1, round(wait * 1000)), "STREAMS")
        try:
            reply = await self._one(*command, *block, *member.topics, *(">" for _ in member.topics))
        except TransportError as error:
            if "NOGROUP" not in str(error):
                raise
            await self.join(member, from_start=True)
            return []
        return [
            delivery_of(topic.decode(), entry, fields, attempt=1)
            for topic, entries in reply or ()
            for entry, fields in entries
        ]

    async def claim(
        self,
        member: Member,
        *,
        retry_after: float,
        claim_after: float,
        count: int,
        suspects: int = 1,
    ) -> list[Delivery]:
        wait = Waits(round(retry_after * 1000), max(1, round(claim_after * 1000)))
        found: list[Delivery] = []
        for topic in member.topics:
            if len(found) < count:
                allowed = suspects - sum(one.suspect for one in found)
                found += await self._claim(topic, member, wait, count - len(found), allowed)
        return found

    async def hold(self, member: Member, deliveries: Sequence[Delivery]) -> None:
        entries: dict[str, list[str]] = defaultdict(list)
        for delivery in deliveries:
            entries[delivery.topic].append(delivery.entry)
        commands = [
            ("EVAL", HOLD, 1, topic, member.group, member.name, *ids)
            for topic, ids in entries.items()
        ]
        raise_first(await self._many(commands))

    async def settle(
        self, member: Member, settlements: Sequence[Settlement]
    ) -> list[bool | TransportError]:
        acks = [item.delivery for item in settlements if isinstance(item, Ack)]
        rest = [item for item in settlements if not isinstance(item, Ack)]
        commands = ack_commands(member, acks)
        replies = await self._many([*commands, *(self._conditional(member, item) for item in rest)])
        refusals = (refusal(reply) for reply in replies[: len(commands)])
        acked = next((error for error in refusals if error is not None), True)
        conditional = iter(replies[len(commands) :])
        return [
            acked if isinstance(item, Ack) else verdict(next(conditional)) for item in settlements
        ]

    async def first_failed_ms(self, member: Member, delivery: Delivery) -> int | None:
        value = await self._one("HGET", failures_key(delivery.topic, member.group), delivery.entry)
        return None if value is None else int(value)

    async def leave(self, member: Member) -> None:
        commands = [("EVAL", LEAVE, 1, topic, member.group, member.name) for topic in member.topics]
        raise_first(await self._many(commands))

    async def script(self, text: str, keys: Sequence[str], *args: Any) -> Any:
        """Run Lua atomically; the stores of `eventscope.sourcing` and read models are made of it."""
        return await self._one("EVAL", text, len(keys), *keys, *args)

    async def command(self, *args: Any) -> Any:
        """One command, its reply raw."""
        return await self._one(*args)

    def _xadd(self, message: Outgoing) -> Command:
        return (
            "XADD",
            message.topic,
            "MAXLEN",
            "~",
            self._max_length,
            "*",
            EVENT,
            message.body,
            *(part for header in message.headers for part in header),
        )

    def _conditional(self, member: Member, item: Retry | Release | DeadLetter) -> Command:
        topic, entry = item.delivery.topic, item.delivery.entry
        me, failures = (member.group, member.name, entry), failures_key(topic, member.group)
        if isinstance(item, Retry):
            return ("EVAL", RETRY, 2, topic, failures, *me, item.failed_ms)
        if isinstance(item, Release):
            return ("EVAL", RELEASE, 1, topic, *me, item.delivery.attempt - 1)
        letter = item.letter
        fields = (EVENT, letter.body, *(part for header in letter.headers for part in header))
        keys = (topic, failures, letter.topic)
        return ("EVAL", DEAD_LETTER, 3, *keys, *me, self._max_length, *fields)

    async def _claim(
        self, topic: str, member: Member, waits: Waits, room: int, suspects: int
    ) -> list[Delivery]:
        consumers = await self._one("XINFO", "CONSUMERS", topic, member.group)
        busy = await self._owners(topic, member, consumers)
        queries = [
            ("XPENDING", topic, member.group, "IDLE", waits.of(name), "-", "+", room, name)
            for name in busy
        ]
        found: list[Delivery] = []
        for name, rows in zip(busy, await self._many(queries), strict=True):
            if isinstance(rows, Exception):
                raise wrapped(rows)
            due = [Due(row[0], row[3], name != WAITING) for row in rows]
            allowed = suspects - sum(one.suspect for one in found)
            due = few_suspects(due, allowed)[: room - len(found)]
            if due:
                found += await self._take(topic, member, waits.of(name), due)
        return found

    async def _owners(self, topic: str, member: Member, consumers: Iterable[Any]) -> list[bytes]:
        """Consumers that have entries pending; those gone for long without any are forgotten."""
        busy, gone = [], []
        for row in consumers:
            facts = dict(zip(row[::2], row[1::2], strict=True))
            if facts[b"pending"]:
                busy.append(cast(bytes, facts[b"name"]))
            elif facts[b"idle"] > _FORGET_IDLE_MS and facts[b"name"] != WAITING:
                gone.append(("EVAL", LEAVE, 1, topic, member.group, facts[b"name"]))
        await self._many(gone)
        return busy

    async def _take(
        self, topic: str, member: Member, idle_ms: int, due: Sequence[Due]
    ) -> list[Delivery]:
        """XCLAIM looks at the idle time again, so of two members that saw an entry one gets it."""
        seen = {item.entry: item for item in due}
        command = ("XCLAIM", topic, member.group, member.name, idle_ms)
        rows = await self._one(*command, *seen)
        taken = [(seen[row[0]], row[1]) for row in rows if row is not None and row[1] is not None]
        return [
            delivery_of(topic, item.entry, fields, item.deliveries + 1, item.taken_over)
            for item, fields in taken
        ]

    async def _one(self, *command: Any) -> Any:
        async with _io():
            return await self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    async def _many(self, commands: Sequence[Command]) -> list[Any]:
        """All replies in order from one round trip; a refused command's reply is its exception."""
        if not commands:
            return []
        async with _io(), self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)


@asynccontextmanager
async def _io() -> AsyncIterator[None]:
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise wrapped(error) from error
