from __future__ import annotations

from typing import Any

import pytest

from ingest.consumers import sample_groups
from ingest.models import ConsumerGroup, Stream
from ingest.options import BrokerOptions, IngestOptions
from tests.servers import Valkey, free_port

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def orders(valkey: Valkey, settings: Any) -> Stream:
    settings.INGEST = IngestOptions(brokers={"main": BrokerOptions(url=valkey.url)})
    with valkey.client() as client:
        for _ in range(10):
            client.xadd("orders-topic", {"event": "{}"})
        client.xgroup_create("orders-topic", "mail", id="0")
        client.xgroup_create("orders-topic", "stock", id="$")
        client.xreadgroup("mail", "one", {"orders-topic": ">"}, count=4)
    return Stream.objects.create(broker="main", topic="orders-topic")


def rows() -> list[tuple[Any, ...]]:
    return list(
        ConsumerGroup.objects.order_by("name").values_list(
            "name", "lag", "pending", "consumers", "sampled_ms"
        )
    )


def test_groups_are_kept_with_lag_pending_and_consumers(orders: Stream) -> None:
    assert sample_groups(1000) == 2

    assert rows() == [("mail", 6, 4, 1, 1000), ("stock", 0, 0, 0, 1000)]


def test_second_sample_replaces_the_first_and_forgets_groups_that_are_gone(
    orders: Stream, valkey: Valkey
) -> None:
    sample_groups(1000)
    with valkey.client() as client:
        client.xgroup_destroy("orders-topic", "stock")
        client.xadd("orders-topic", {"event": "{}"})

    sample_groups(2000)

    assert rows() == [("mail", 7, 4, 1, 2000)]


def test_broker_that_is_gone_keeps_the_last_samples(orders: Stream, settings: Any) -> None:
    sample_groups(1000)
    gone = BrokerOptions(url=f"redis://127.0.0.1:{free_port()}/0")
    settings.INGEST = IngestOptions(brokers={"main": gone})

    assert sample_groups(2000) == 0
    assert [row[-1] for row in rows()] == [1000, 1000]


def test_consumer_of_two_streams_is_one_of_its_group(orders: Stream, valkey: Valkey) -> None:
    Stream.objects.create(broker="main", topic="payments-topic")
    with valkey.client() as client:
        client.xgroup_create("payments-topic", "mail", id="0", mkstream=True)
        client.xreadgroup("mail", "one", {"orders-topic": ">"}, count=1)
        client.xgroup_createconsumer("payments-topic", "mail", "one")
        client.xgroup_createconsumer("payments-topic", "mail", "two")

    sample_groups(1000)

    told = ConsumerGroup.objects.filter(name="mail").order_by("stream__topic")
    assert list(told.values_list("consumers", "members")) == [(1, 2), (2, 2)]
