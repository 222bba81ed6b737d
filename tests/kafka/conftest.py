"""Brokers that speak Kafka, one of each for the session; topics are another in each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.kafka.servers import Broker, MockKafka

_serial = count()


@pytest.fixture(scope="session")
def mock_kafka() -> Iterator[MockKafka]:
    server = MockKafka().start()
    yield server
    server.stop()


@pytest.fixture(params=["mock", "apache"])
def broker(request: pytest.FixtureRequest) -> Broker:
    found: Broker = request.getfixturevalue(f"{request.param}_kafka")
    return found


@pytest.fixture
def topic() -> str:
    return f"orders-{next(_serial)}"
