"""Messages without an id on several partitions: each is an event of its own, named as the kit names it."""

from __future__ import annotations

import msgspec
import pytest
from pytest_django.fixtures import Settings

from dashboard.accounts.models import Role
from eventscope import Event, EventBus
from ingest.options import BrokerOptions
from ingest.queries.events import get_event
from ingest.records import Message, Position
from tests.dashboard.care import client_for
from tests.eventscope.conftest import eventually
from tests.ingest.pipeline.test_pipeline import processed, run_until
from tests.kafka.servers import ApacheKafka, MockKafka

pytestmark = [
    pytest.mark.django_db(databases=["default", "events"], transaction=True),
    pytest.mark.timeout(300),
]


@pytest.mark.parametrize(
    ("major", "partition", "place"), [(9, None, "9-5"), (1, 3, "3:5"), (2, 3, "3:5~2")]
)
def test_place_of_a_message(major: int, partition: int | None, place: str) -> None:
    message = Message(Position(major, 5), 0, None, b"{}", (), partition)

    assert message.place == place


def test_same_offset_of_another_partition_is_another_event(
    mock_kafka: MockKafka, topic: str, settings: Settings
) -> None:
    for partition in range(3):
        mock_kafka.publish(topic, b'{"number": %d}' % partition, partition=partition)
    kafka = BrokerOptions(type="kafka", bootstrap_servers=(mock_kafka.address,), topics=(topic,))
    options = msgspec.structs.replace(settings.INGEST, brokers={"main": kafka})
    settings.INGEST = options
    run_until(options, processed(3))

    found = [get_event(f"{topic}@{partition}:0") for partition in range(3)]

    assert [[view.stored.body for view in views] for views in found] == [
        [b'{"number": 0}'],
        [b'{"number": 1}'],
        [b'{"number": 2}'],
    ]
    assert [views[0].partition for views in found] == [0, 1, 2]
    page = client_for(Role.VIEWER).get(f"/events/{topic}@2:0/").content.decode()
    assert f"{topic} / 2</span> at" in page
    assert [views[0].correlation_id for views in found] == [f"{topic}@{n}:0" for n in range(3)]


async def test_kit_names_it_so_too(apache_kafka: ApacheKafka, topic: str) -> None:
    apache_kafka.create(topic, 2)
    apache_kafka.publish(topic, b'{"eventType": "ORDER_CREATED"}', partition=1)
    bus = EventBus(
        f"kafka://{apache_kafka.address}",
        source=f"mail-{topic}",
        default_topic=topic,
        receipts=False,
    )
    seen: list[str] = []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        seen.append(event.event_id)

    async with bus:
        await eventually(lambda: bool(seen))
    message = Message(Position(1, 0), 0, None, b"", (), 1)

    assert seen == [f"{topic}@{message.place}"]
