"""What a newcomer copies to send the first event."""

from __future__ import annotations

import json
import shlex
from urllib.parse import urlsplit

from ingest.options import BrokerOptions, IngestOptions

__all__ = ["sample_command", "sample_kit"]

ANY_TOPIC = "orders-topic"


def sample_kit(options: IngestOptions) -> str:
    """A program that publishes one event with the kit."""
    broker = _redis(options)
    if broker is None:
        return ""
    return f'''import asyncio
from eventscope import EventBus

async def main():
    bus = EventBus(
        "{_shown(broker.url)}",
        source="order-service",
        default_topic="{_topic(broker)}",
    )
    order = {{"orderId": "ORD_789", "totalAmount": 59.98}}
    await bus.publish("ORDER_CREATED", order)
    await bus.stop()

asyncio.run(main())'''


def sample_command(options: IngestOptions) -> str:
    """A line for the shell that appends one event in the guide's envelope."""
    broker = _redis(options)
    if broker is None:
        return ""
    event = {
        "eventId": "evt_123456",
        "eventType": "ORDER_CREATED",
        "timestamp": "2024-04-03T10:00:00Z",
        "payload": {"orderId": "ORD_789", "customerId": "CUST_456", "totalAmount": 59.98},
        "metadata": {"source": "order-service", "version": "1.0", "correlationId": "corr_123"},
    }
    body = shlex.quote(json.dumps(event))
    return f"redis-cli -u {_shown(broker.url)} XADD {_topic(broker)} '*' event {body}"


def _redis(options: IngestOptions) -> BrokerOptions | None:
    return next((each for each in options.brokers.values() if each.type == "redis"), None)


def _shown(url: str) -> str:
    """The place without its password."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return parts._replace(netloc="USER:PASSWORD@" + parts.netloc.rpartition("@")[2]).geturl()


def _topic(broker: BrokerOptions) -> str:
    plain = (topic for topic in broker.topics if not set(topic) & set("*?["))
    return next(plain, ANY_TOPIC)
