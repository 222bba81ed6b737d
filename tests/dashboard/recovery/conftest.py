from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from dashboard.recovery.working import Worker
from ingest.models import DeadLetter
from ingest.options import BrokerOptions, IngestOptions
from tests.dashboard.care import make_letter
from tests.servers import Valkey

TOPIC = "orders-topic"


def original(number: int, order: str = "") -> bytes:
    return json.dumps(
        {
            "eventId": f"evt_{number}",
            "eventType": "ORDER_CREATED",
            "payload": {"orderId": order or f"ORD_{number}"},
            "metadata": {"source": "order-service", "correlationId": f"corr_{number}"},
        }
    ).encode()


def make_original(number: int, order: str = "", **given: Any) -> DeadLetter:
    """A letter whose event can be put back."""
    event = original(number, order)
    return make_letter(number, event=event, size=len(event), **given)


class Shop:
    """A broker with the original topic, and the worker that serves jobs over it."""

    def __init__(self, server: Valkey) -> None:
        self.server = server
        self.client: redis.Redis = server.client()
        self.client.xadd(TOPIC, {"event": b"{}"})
        self.worker = Worker()

    def put_back(self, topic: str = TOPIC) -> list[dict[str, Any]]:
        """The envelopes appended since the first."""
        return [json.loads(fields[b"event"]) for _, fields in self.client.xrange(topic)[1:]]

    def ids(self, topic: str = TOPIC) -> list[str]:
        return [envelope["eventId"] for envelope in self.put_back(topic)]

    def close(self) -> None:
        self.worker.close()
        self.client.close()


@pytest.fixture
def shop(valkey: Valkey, settings: Any, db: None) -> Iterator[Shop]:
    settings.INGEST = IngestOptions(brokers={"main": BrokerOptions(url=valkey.url)})
    made = Shop(valkey)
    yield made
    made.close()
