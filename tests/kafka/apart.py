"""Topics and groups of one test, named apart from those of all others on the same Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from eventscope.errors import TransportError
from eventscope.transports.base import DeadLetter, Delivery, Member, Outgoing, Settlement
from eventscope.transports.kafka import KafkaTransport
from eventscope.transports.kafka.fetched import fetched_of
from eventscope.transports.kafka.ledger import Note
from tests.kafka.servers import Broker

__all__ = ["KafkaApart"]


class KafkaApart:
    """A `Transport` whose user sees the names without the prefix."""

    in_hand = KafkaTransport.in_hand

    def __init__(self, broker: Broker, prefix: str) -> None:
        self._broker = broker
        self._prefix = prefix
        self._kafka = KafkaTransport(f"kafka://{broker.address}?session.timeout.ms=6000")
        self.open, self.close, self.ping = self._kafka.open, self._kafka.close, self._kafka.ping

    async def append(self, messages: Sequence[Outgoing]) -> list[str | TransportError]:
        return await self._kafka.append([self._sent(one) for one in messages])

    async def join(self, member: Member, *, from_start: bool) -> None:
        await self._kafka.join(self._member(member), from_start=from_start)

    async def read(self, member: Member, *, count: int, wait: float) -> list[Delivery]:
        found = await self._kafka.read(self._member(member), count=count, wait=wait)
        return [self._seen(one) for one in found]

    async def claim(
        self,
        member: Member,
        *,
        retry_after: float,
        claim_after: float,
        count: int,
        suspects: int = 1,
    ) -> list[Delivery]:
        found = await self._kafka.claim(
            self._member(member),
            retry_after=retry_after,
            claim_after=claim_after,
            count=count,
            suspects=suspects,
        )
        return [self._seen(one) for one in found]

    async def hold(self, member: Member, deliveries: Sequence[Delivery]) -> None:
        await self._kafka.hold(self._member(member), [self._held(one) for one in deliveries])

    async def settle(
        self, member: Member, settlements: Sequence[Settlement]
    ) -> list[bool | TransportError]:
        return await self._kafka.settle(
            self._member(member), [self._settled(one) for one in settlements]
        )

    async def first_failed_ms(self, member: Member, delivery: Delivery) -> int | None:
        return await self._kafka.first_failed_ms(self._member(member), self._held(delivery))

    async def leave(self, member: Member) -> None:
        await self._kafka.leave(self._member(member))

    # -- what tests look up

    async def everything(self, topic: str) -> list[Delivery]:
        """All of a topic's only partition, from the first on."""
        return await asyncio.to_thread(self._everything, self._prefix + topic)

    async def unsettled(self, group: str, topic: str) -> list[int]:
        """Offsets that the group has not settled, or not met."""
        names = [f"{self._prefix}{topic}", f"eventscope.retry.{self._prefix}{group}"]
        return [
            offset
            for name in names
            for offset in await asyncio.to_thread(self._unsettled, self._prefix + group, name)
        ]

    def _everything(self, topic: str) -> list[Delivery]:
        consumer = self._broker.consumer("everything", **{"enable.auto.commit": False})
        try:
            place = TopicPartition(topic, 0, OFFSET_BEGINNING)
            if topic not in consumer.list_topics(timeout=60).topics:
                return []
            _, end = consumer.get_watermark_offsets(place, timeout=60)
            consumer.assign([place])
            found = []
            while consumer.position([place])[0].offset < end:
                for message in consumer.consume(1000, 0.05):
                    assert message.error() is None, message.error()
                    found.append(self._seen(fetched_of(message).delivery(1, False)))
            return found
        finally:
            consumer.close()

    def _unsettled(self, group: str, topic: str) -> list[int]:
        consumer = self._broker.consumer(group, **{"enable.auto.commit": False})
        try:
            place = TopicPartition(topic, 0)
            [noted] = consumer.committed([place], 60)
            _, end = consumer.get_watermark_offsets(place, timeout=60)
            note = Note.parsed(max(0, noted.offset), noted.metadata)
            return [*note.open, *range(note.reach, end)]
        finally:
            consumer.close()

    # -- names

    def _member(self, member: Member) -> Member:
        topics = tuple(self._prefix + topic for topic in member.topics)
        return Member(self._prefix + member.group, member.name, topics)

    def _sent(self, message: Outgoing) -> Outgoing:
        return message._replace(topic=self._prefix + message.topic)

    def _held(self, delivery: Delivery) -> Delivery:
        return delivery._replace(topic=self._prefix + delivery.topic)

    def _seen(self, delivery: Delivery) -> Delivery:
        return delivery._replace(topic=delivery.topic.removeprefix(self._prefix))

    def _settled(self, item: Settlement) -> Settlement:
        if isinstance(item, DeadLetter):
            return DeadLetter(self._held(item.delivery), self._sent(item.letter))
        return item._replace(delivery=self._held(item.delivery))
