"""Kafka by librdkafka: published to idempotently, consumed by groups (docs/adr/0023)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from eventscope.errors import EventscopeError, TransportError
from eventscope.transports.base import Delivery, Member, Outgoing, Settlement

try:
    import confluent_kafka  # noqa: F401
except ImportError as error:
    raise EventscopeError("kafka:// needs confluent-kafka: pip install confluent-kafka") from error

from eventscope.transports.kafka.member import GroupMember
from eventscope.transports.kafka.sender import Answers, Sender
from eventscope.transports.kafka.settings import PRODUCER, settings_of

__all__ = ["KafkaTransport", "settings_of"]


class KafkaTransport:
    """A `Transport`; messages are acknowledged by all replicas in sync.

    ``url`` is ``kafka://[user:password@]host[:port][,host…][?setting=value&…]``. The header ``key``
    becomes the message's key. An entry id is ``partition:offset``. Members of a group share its
    partitions as Kafka assigns them, so a dead one is known by ``session.timeout.ms``; in `claim`
    ``claim_after`` is the silence of a worker of this member.
    """

    in_hand = 16

    def __init__(self, url: str) -> None:
        self._settings = settings_of(url)
        self._sender: Sender | None = None
        self._members: dict[tuple[str, str], GroupMember] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        await self.ping()

    async def close(self) -> None:
        """Messages that the broker does not take within two seconds fail as unavailable."""
        for member in list(self._members):
            self._start_leaving(member)
        await asyncio.gather(*self._leaving)
        sender, self._sender = self._sender, None
        if sender is not None:
            await asyncio.to_thread(sender.close)

    async def ping(self) -> None:
        await asyncio.to_thread(self._open().ping)

    async def append(self, messages: Sequence[Outgoing]) -> list[str | TransportError]:
        if not messages:
            return []
        sender = self._open()
        answers = Answers(len(messages))
        sender.send(messages, answers)
        try:
            return await answers.future
        finally:
            if sender.broken and self._sender is sender:
                self._sender = None
                await asyncio.to_thread(sender.close)

    async def join(self, member: Member, *, from_start: bool) -> None:
        if _name(member) in self._members:
            return
        joining = GroupMember(self._settings, member)
        try:
            await joining.join(from_start=from_start)
        except BaseException:
            await joining.close()
            raise
        self._members[_name(member)] = joining

    async def read(self, member: Member, *, count: int, wait: float) -> list[Delivery]:
        return await self._joined(member).read(count=count, wait=wait)

    async def claim(
        self,
        member: Member,
        *,
        retry_after: float,
        claim_after: float,
        count: int,
        suspects: int = 1,
    ) -> list[Delivery]:
        return await self._joined(member).claim(
            retry_after=retry_after, claim_after=claim_after, count=count, suspects=suspects
        )

    async def hold(self, member: Member, deliveries: Sequence[Delivery]) -> None:
        self._joined(member).hold(deliveries)

    async def settle(
        self, member: Member, settlements: Sequence[Settlement]
    ) -> list[bool | TransportError]:
        return await self._joined(member).settle(settlements)

    async def first_failed_ms(self, member: Member, delivery: Delivery) -> int | None:
        return self._joined(member).first_failed_ms(delivery)

    async def leave(self, member: Member) -> None:
        if _name(member) in self._members:
            await asyncio.shield(self._start_leaving(_name(member)))

    def _start_leaving(self, name: tuple[str, str]) -> asyncio.Task[None]:
        """Goes on when nobody waits for it any more."""
        task = asyncio.get_running_loop().create_task(self._members.pop(name).close())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        return task

    def _joined(self, member: Member) -> GroupMember:
        try:
            return self._members[_name(member)]
        except KeyError:
            raise TransportError(f"{member.name} has not joined {member.group}") from None

    def _open(self) -> Sender:
        """Made when first used, since a producer has threads, which a fork would lose."""
        if self._sender is None:
            self._sender = Sender(PRODUCER | self._settings)
        return self._sender


def _name(member: Member) -> tuple[str, str]:
    return member.group, member.name
