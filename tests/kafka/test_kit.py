"""Services publish to Kafka by the kit."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from eventscope import BrokerUnavailable, EventBus
from eventscope.errors import EventscopeError, TransportError
from eventscope.partitions import partition_of
from eventscope.transports import open_transport
from eventscope.transports.base import GroupMoves, Outgoing
from eventscope.transports.kafka import KafkaTransport, settings_of
from eventscope.transports.kafka.settings import failure_of
from ingest.options import BrokerOptions
from ingest.records import Position
from ingest.sources.base import Checkpoint
from ingest.sources.kafka import Kafka
from tests.kafka.servers import ApacheKafka, Broker
from tests.kafka.test_source import has, read_until
from tests.servers import free_port

MakeBus = Callable[..., EventBus]


@pytest.fixture
async def make_bus() -> AsyncIterator[MakeBus]:
    made: list[EventBus] = []

    def make(address: str, topic: str, **more: Any) -> EventBus:
        more = {"default_topic": topic, "receipts": False, "publish_timeout": "120s", **more}
        made.append(EventBus(f"kafka://{address}", source="order-service", **more))
        return made[-1]

    yield make
    for bus in made:
        await bus.stop("1s")


def consumed(broker: Broker, topic: str, count: int) -> list[Message]:
    """The first ``count`` that differ: what was sent again after a lost answer counts once."""
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "reader"})
    while not (partitions := consumer.list_topics(topic, timeout=60).topics[topic].partitions):
        time.sleep(0.1)
    consumer.assign([TopicPartition(topic, one, OFFSET_BEGINNING) for one in partitions])
    found: dict[bytes | None, Message] = {}
    for _ in range(60):
        for message in consumer.consume(count, 2):
            if message.error() is None:
                found.setdefault(message.value(), message)
        if len(found) >= count:
            break
    consumer.close()
    return list(found.values())


async def test_an_event_is_the_value_and_its_key_the_key(
    broker: Broker, topic: str, make_bus: MakeBus
) -> None:
    bus = make_bus(broker.address, topic)

    event = await bus.publish("ORDER_CREATED", {"n": 1}, key="ORD_1", headers={"tenant": "é"})

    [message] = await asyncio.to_thread(consumed, broker, topic, 1)
    assert message.key() == b"ORD_1"
    assert message.headers() == [("tenant", "é".encode())]
    assert json.loads(message.value() or b"")["eventId"] == event.event_id
    assert event.position == f"{message.partition()}:{message.offset()}"


async def test_a_key_has_the_partition_that_the_kit_names(
    apache_kafka: ApacheKafka, topic: str, make_bus: MakeBus
) -> None:
    apache_kafka.create(topic, 12)
    bus = make_bus(apache_kafka.address, topic)

    events = [await bus.publish("ORDER_CREATED", {}, key=f"ORD_{n}") for n in range(24)]

    places = [int(one.position.partition(":")[0]) for one in events]
    assert places == [partition_of(f"ORD_{n}", 12) for n in range(24)]


async def test_ingest_reads_what_was_published_in_order(
    broker: Broker, topic: str, make_bus: MakeBus
) -> None:
    bus = make_bus(broker.address, topic)
    events = await asyncio.gather(
        *(bus.publish("ORDER_PAID", {"n": n}, key="ORD_1") for n in range(300))
    )
    options = BrokerOptions(type="kafka", bootstrap_servers=(broker.address,), topics=(topic,))
    source = Kafka(options, timeout=5)
    [place] = [
        one.place
        for one in source.discover()
        if one.place.partition == int(events[0].position.partition(":")[0])
    ]
    source.assign({place: Checkpoint(Position(0, 0))})

    seen = await asyncio.to_thread(read_until, source, place, has(300))

    source.close()
    assert [json.loads(one)["eventId"] for one in seen.bodies] == [one.event_id for one in events]


async def test_life_of_a_service_is_told_on_the_system_topic(
    broker: Broker, topic: str, make_bus: MakeBus
) -> None:
    bus = make_bus(broker.address, topic, receipts=True, system_topic=f"{topic}-system")
    await bus.start()
    found = await asyncio.to_thread(consumed, broker, f"{topic}-system", 1)

    assert json.loads(found[0].value() or b"")["eventType"] == "ServiceStarted"


async def test_a_message_that_is_too_large_does_not_fail_its_neighbours(
    broker: Broker, topic: str
) -> None:
    transport = KafkaTransport(f"kafka://{broker.address}?message.max.bytes=2000")

    bodies = [b"1", b"x" * 5000, b"2"]
    first, large, last = await transport.append([Outgoing(topic, body) for body in bodies])

    await transport.close()
    assert (type(first), type(last)) == (str, str)
    assert isinstance(large, TransportError)
    assert not isinstance(large, BrokerUnavailable)
    assert "MSG_SIZE_TOO_LARGE" in str(large)


async def test_a_kafka_that_is_away_is_told(topic: str, make_bus: MakeBus) -> None:
    address = f"127.0.0.1:{free_port()}?message.timeout.ms=300"
    bus = make_bus(address, topic, publish_timeout="100ms")

    with pytest.raises(BrokerUnavailable, match="Kafka: _MSG_TIMED_OUT"):
        await bus.publish("ORDER_CREATED", {})


async def test_why_there_is_no_connection_is_told(
    broker: Broker, topic: str, make_bus: MakeBus
) -> None:
    address = f"{broker.address}?security.protocol=SSL&message.timeout.ms=1000"
    bus = make_bus(address, topic, publish_timeout="8s")

    with pytest.raises(BrokerUnavailable, match=r"_MSG_TIMED_OUT: .*SSL_HANDSHAKE"):
        await bus.publish("ORDER_CREATED", {})


async def test_what_is_published_while_the_broker_restarts_arrives(
    apache_kafka: ApacheKafka, topic: str, make_bus: MakeBus
) -> None:
    apache_kafka.create(topic)
    bus = make_bus(f"{apache_kafka.address}?message.timeout.ms=2000", topic)
    before = await bus.publish("ORDER_CREATED", {})
    apache_kafka.kill()
    publishing = [asyncio.create_task(bus.publish("ORDER_CREATED", {})) for _ in range(20)]
    await asyncio.sleep(0.1)
    await asyncio.to_thread(apache_kafka.start)

    events = [before, *await asyncio.gather(*publishing)]

    found = await asyncio.to_thread(consumed, apache_kafka, topic, 21)
    ids = {json.loads(one.value() or b"")["eventId"] for one in found}
    assert ids == {one.event_id for one in events}


async def test_the_transport_goes_on_after_it_was_closed(broker: Broker, topic: str) -> None:
    transport = open_transport(f"kafka://{broker.address}")
    await transport.open()
    await transport.close()

    [entry] = await transport.append([Outgoing(topic, b"1")])

    await transport.close()
    assert isinstance(entry, str)
    assert await transport.append([]) == []


async def test_a_setting_that_librdkafka_does_not_know_is_told(topic: str) -> None:
    transport = KafkaTransport("kafka://127.0.0.1:1?colour=green")

    with pytest.raises(TransportError, match='No such configuration property: "colour"'):
        await transport.append([Outgoing(topic, b"1")])


def test_a_url_carries_hosts_account_and_settings() -> None:
    url = "kafka://ann:p%40ss@one:9092,two:9092?security.protocol=SASL_SSL&client.id=orders"

    assert settings_of(url) == {
        "bootstrap.servers": "one:9092,two:9092",
        "sasl.username": "ann",
        "sasl.password": "p@ss",
        "sasl.mechanisms": "PLAIN",
        "security.protocol": "SASL_SSL",
        "client.id": "orders",
    }


def test_an_account_that_would_not_be_used_is_refused() -> None:
    with pytest.raises(EventscopeError, match=r"security\.protocol=SASL_SSL") as refused:
        settings_of("kafka://ann:p%40ss@one:9092")

    assert "p@ss" not in str(refused.value)


def test_a_url_without_a_host_is_refused() -> None:
    with pytest.raises(EventscopeError, match="names its hosts"):
        open_transport("kafka://?client.id=orders")


def test_without_the_library_it_is_said_what_to_install() -> None:
    code = (
        "import sys; sys.modules['confluent_kafka'] = None; import eventscope; "
        "eventscope.EventBus('kafka://one', source='orders')"
    )

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert answer.returncode == 1
    assert "kafka:// needs confluent-kafka: pip install confluent-kafka" in answer.stderr


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError.ILLEGAL_GENERATION, GroupMoves),
        (KafkaError.REBALANCE_IN_PROGRESS, GroupMoves),
        (KafkaError._ALL_BROKERS_DOWN, BrokerUnavailable),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, TransportError),
    ],
)
def test_what_passes_by_itself_is_told_from_what_does_not(code: int, kind: type) -> None:
    assert type(failure_of(KafkaError(code))) is kind
