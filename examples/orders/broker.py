"""The broker between the services: the shop's own Redis, or a Kafka beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol
from urllib.parse import urlsplit

from redis.exceptions import RedisError, ResponseError

from eventscope.durations import parse_duration
from eventscope.errors import BrokerUnavailable
from eventscope.transports import RedisTransport, Transport, open_transport

__all__ = ["FIRST_CONSUMER", "Broker", "KafkaBroker", "RedisBroker"]

FIRST_CONSUMER = "inventory-service"
ORDERS = "orders-topic"
ANSWER_WITHIN = 5.0
MADE_WITHIN = 30.0
SHORTEST_SESSION_MS = 6_000
"""What Kafka's ``group.min.session.timeout.ms`` allows out of the box."""


class Broker(Protocol):
    """Raises `BrokerUnavailable` where it does not answer."""

    async def prepare(self) -> None:
        """Make the topics that are not there, where they are not made by themselves."""
        ...

    def transport(self) -> Transport:
        """A new one, for one bus."""
        ...

    async def unread_orders(self) -> int:
        """Messages of orders-topic that `FIRST_CONSUMER` has not been given; 0 before it is there."""
        ...

    async def published(self) -> int:
        """All that was ever appended to the shop's topics; what was deleted since counts."""
        ...


class RedisBroker:
    def __init__(self, url: str, redis: Any, *, topics: Sequence[str], topic_length: int) -> None:
        self._url = url
        self._topics = topics
        self._redis = redis
        self._topic_length = topic_length

    async def prepare(self) -> None:
        return None

    def transport(self) -> Transport:
        return RedisTransport(self._url, max_length=self._topic_length)

    async def unread_orders(self) -> int:
        try:
            groups = await self._redis.xinfo_groups(ORDERS)
        except ResponseError:
            return 0
        except RedisError as error:
            raise BrokerUnavailable(str(error)) from error
        name = FIRST_CONSUMER.encode()
        return sum(group["lag"] or 0 for group in groups if group["name"] == name)

    async def published(self) -> int:
        count = 0
        try:
            for topic in self._topics:
                if await self._redis.exists(topic):
                    count += (await self._redis.xinfo_stream(topic))["entries-added"]
        except RedisError as error:
            raise BrokerUnavailable(str(error)) from error
        return count


class KafkaBroker:
    """``url`` as the kit reads it; a silent consumer is taken for dead after ``claim_after``.

    ``partitions`` are of all topics that `prepare` makes, ``topics`` those that are counted.
    """

    def __init__(
        self, url: str, *, topics: Sequence[str], partitions: Mapping[str, int], claim_after: str
    ) -> None:
        self._url = url
        self._topics = topics
        self._partitions = partitions
        self._session_ms = max(SHORTEST_SESSION_MS, round(parse_duration(claim_after) * 1000))
        self._made: Any = None

    async def prepare(self) -> None:
        await asyncio.to_thread(self._told, self._make_topics)

    def transport(self) -> Transport:
        if "session.timeout.ms" in self._url:
            return open_transport(self._url)
        joint = "&" if urlsplit(self._url).query else "?"
        return open_transport(f"{self._url}{joint}session.timeout.ms={self._session_ms}")

    async def unread_orders(self) -> int:
        return await asyncio.to_thread(self._told, self._unread)

    async def published(self) -> int:
        return await asyncio.to_thread(self._told, lambda: sum(self._ends(self._topics).values()))

    def _told(self, ask: Any) -> int:
        from confluent_kafka import KafkaException

        try:
            return int(ask())
        except (KafkaException, TimeoutError) as error:
            raise BrokerUnavailable(f"Kafka: {error}") from error

    def _make_topics(self) -> int:
        from confluent_kafka.admin import NewTopic

        known = self._admin.list_topics(timeout=ANSWER_WITHIN).topics
        missing = [
            NewTopic(name, parts) for name, parts in self._partitions.items() if name not in known
        ]
        if missing:
            _answers(self._admin.create_topics(missing, request_timeout=MADE_WITHIN).values())
        return len(missing)

    def _unread(self) -> int:
        from confluent_kafka import ConsumerGroupTopicPartitions

        asked = [ConsumerGroupTopicPartitions(FIRST_CONSUMER)]
        futures = self._admin.list_consumer_group_offsets(asked, request_timeout=ANSWER_WITHIN)
        rows = _answers(futures.values())[0].topic_partitions
        read = {row.partition: row.offset for row in rows if row.topic == ORDERS}
        ends = self._ends([ORDERS])
        return sum(max(0, end - max(0, read.get(part, end))) for (_, part), end in ends.items())

    def _ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        from confluent_kafka import TopicPartition
        from confluent_kafka.admin import OffsetSpec

        told = self._admin.list_topics(timeout=ANSWER_WITHIN).topics
        places = [
            TopicPartition(topic, part) for topic in topics for part in getattr(told.get(topic), "partitions", ())
        ]  # fmt: skip
        if not places:
            return {}
        latest = dict.fromkeys(places, OffsetSpec.latest())
        futures = self._admin.list_offsets(latest, request_timeout=ANSWER_WITHIN)
        ends = _answers(futures.values())
        return {
            (place.topic, place.partition): end.offset
            for place, end in zip(futures, ends, strict=True)
        }

    @property
    def _admin(self) -> Any:
        """Made when first used: it has threads, and the shop on Redis needs none of them."""
        if self._made is None:
            from confluent_kafka.admin import AdminClient

            from eventscope.transports.kafka import settings_of

            self._made = AdminClient({**settings_of(self._url), "log_level": 0})
        return self._made


def _answers(futures: Iterable[Future[Any]]) -> list[Any]:
    return [future.result(MADE_WITHIN + 1) for future in futures]
