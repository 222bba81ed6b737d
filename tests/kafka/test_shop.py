"""The demo shop with a Kafka between its services: the same story, the same repair."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from examples.orders.assembly import Options
from examples.orders.broker import KafkaBroker
from examples.orders.history import OrderHistory
from examples.orders.read_side import OrderQueryHandler, OrderReadRepository
from examples.orders.shop import PARTITIONS, TOPICS
from tests.examples.orders.shops import COMMAND, open_running_shop, quick
from tests.kafka.servers import ApacheKafka, why_no_apache
from tests.servers import Valkey

PATIENCE_S = 180
STORY = {
    "ORDER_CREATED", "INVENTORY_UPDATED", "PAYMENT_PROCESSED", "OrderShipped", "CustomerNotified",
    "AnalyticsUpdated",
}  # fmt: skip


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """One with the shop's topics, which other tests have no business with."""
    if why_no_apache():
        pytest.skip(why_no_apache())
    server = ApacheKafka(tmp_path_factory.mktemp("shop")).start()
    yield server
    server.stop()


@pytest.fixture
def options(kafka: ApacheKafka, valkey: Valkey) -> Options:
    return quick(valkey.url, broker=f"kafka://{kafka.address}")


async def test_order_goes_its_way_over_kafka(options: Options, kafka: ApacheKafka) -> None:
    async with open_running_shop(options) as running:
        await running.system.place(COMMAND)
        queries = OrderQueryHandler(OrderReadRepository(running.shop.pipe))

        async def shipped() -> bool:
            details = await queries.get_order_details("ORD_789")
            return bool(details and details["status"] == "shipped")

        async def told() -> bool:
            return set(await _events(kafka)) >= STORY

        async def all_read() -> bool:
            return await running.shop.broker.unread_orders() == 0

        await running.until(shipped, seconds=PATIENCE_S)
        await running.until(told, seconds=PATIENCE_S)
        rebuilt = await OrderHistory(running.shop.history).rebuild_order_state("ORD_789")
        await running.until(all_read, seconds=PATIENCE_S)

    assert rebuilt["transactionId"] == "txn_789"
    assert Counter(await _events(kafka)) == dict.fromkeys(STORY, 1)


async def test_kafka_tells_what_was_published_and_what_nobody_read(
    options: Options, kafka: ApacheKafka
) -> None:
    broker = KafkaBroker(
        options.broker, topics=[*TOPICS, "none"], partitions=PARTITIONS, claim_after="6s"
    )
    await broker.prepare()
    await broker.prepare()
    before = await broker.published()
    consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": "inventory-service"})
    ends = [
        TopicPartition(
            "orders-topic", part, consumer.get_watermark_offsets(TopicPartition("orders-topic", part))[1]
        )
        for part in range(12)
    ]  # fmt: skip
    consumer.commit(offsets=ends, asynchronous=False)
    consumer.close()
    assert await broker.unread_orders() == 0
    for number in range(4):
        kafka.publish("orders-topic", b"{}", partition=number % 3)
    assert await broker.unread_orders() == 4
    assert await broker.published() == before + 4


async def _events(kafka: ApacheKafka) -> list[str]:
    """The types of this order's events, from the beginning of the shop's topics."""
    return await asyncio.to_thread(_read, kafka)


def _read(kafka: ApacheKafka) -> list[str]:
    consumer = Consumer(
        {"bootstrap.servers": kafka.address, "group.id": "reader", "enable.partition.eof": True}
    )
    places = [
        TopicPartition(topic, part, OFFSET_BEGINNING)
        for topic in TOPICS
        for part in range(PARTITIONS[topic])
    ]
    consumer.assign(places)
    left, found = len(places), []
    while left:
        message = consumer.poll(PATIENCE_S)
        assert message is not None
        if message.error() is not None:
            left -= 1
            continue
        event = msgspec.json.decode(message.value() or b"{}")
        if event.get("metadata", {}).get("correlationId") == "corr_789":
            found.append(event["eventType"])
    consumer.close()
    return found
