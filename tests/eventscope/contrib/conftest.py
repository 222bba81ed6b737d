"""What adapters have published, as it stands in a real broker."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from tests.servers import Valkey

Published = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def published(valkey: Valkey) -> Iterator[Published]:
    """Reads the payloads or envelopes of one type from a topic, once there are enough of them."""
    client = redis.Redis.from_url(valkey.url)

    def read(topic: str, event_type: str, *, least: int = 1, within: float = 60) -> list[Any]:
        deadline = time.monotonic() + within
        while True:
            bodies = [json.loads(fields[b"event"]) for _, fields in client.xrange(topic)]
            found = [body for body in bodies if body["eventType"] == event_type]
            if len(found) >= least:
                return found
            assert time.monotonic() < deadline, f"{len(found)} of {least} {event_type} in {bodies}"
            time.sleep(0.02)

    yield read
    client.close()


@pytest.fixture
def receipts(published: Published) -> Callable[..., list[dict[str, Any]]]:
    """Reads the receipts that were published, once there are enough of them."""

    def read(*, least: int = 1, within: float = 60) -> list[dict[str, Any]]:
        deadline = time.monotonic() + within
        while True:
            told = [
                receipt
                for event in published("system-events", "ProcessingReceipts", least=0)
                for receipt in event["payload"]["receipts"]
            ]
            if len(told) >= least:
                return told
            assert time.monotonic() < deadline, told
            time.sleep(0.02)

    return read
