"""What a newcomer copies to send the first event."""

from __future__ import annotations

import json
import shlex
from urllib.parse import urlencode, urlsplit

from ingest.options import BrokerOptions, IngestOptions

__all__ = ["sample_command", "sample_kit"]

ANY_TOPIC = "orders-topic"


def sample_kit(options: IngestOptions) -> str:
    """A program that publishes one event with the kit."""
    broker = _first(options)
    if broker is None:
        return ""
    return f'''import asyncio
from eventscope import EventBus

async def main():
    bus = EventBus(
        "{_url(broker)}",
        source="order-service",
        default_topic="{_topic(broker)}",
    )
    order = {{"orderId": "ORD_789", "totalAmount": 59.98}}
    await bus.publish("ORDER_CREATED", order)
    await bus.stop()

asyncio.run(main())'''


def sample_command(options: IngestOptions) -> str:
    """A line for the shell that appends one event in the guide's envelope."""
    broker = _first(options)
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
    if broker.type == "kafka":
        place = ",".join(broker.bootstrap_servers)
        producer = f"kafka-console-producer.sh --bootstrap-server {place}"
        return f"echo {body} | {producer} --topic {_topic(broker)}"
    return f"redis-cli -u {_url(broker)} XADD {_topic(broker)} '*' event {body}"


def _first(options: IngestOptions) -> BrokerOptions | None:
    """A Redis, as nothing is easier to write to; else a Kafka."""
    brokers = sorted(options.brokers.values(), key=lambda each: each.type != "redis")
    return brokers[0] if brokers else None


def _url(broker: BrokerOptions) -> str:
    """Where the kit finds it, without a password."""
    if broker.type == "kafka":
        return _kafka_url(broker)
    parts = urlsplit(broker.url)
    if "@" not in parts.netloc:
        return broker.url
    return parts._replace(netloc="USER:PASSWORD@" + parts.netloc.rpartition("@")[2]).geturl()


def _kafka_url(broker: BrokerOptions) -> str:
    security = broker.security
    account = "USER:PASSWORD@" if security.username else ""
    settings = {
        "security.protocol": "" if security.protocol == "plaintext" else security.protocol.upper(),
        "sasl.mechanisms": security.mechanism,
    }
    query = urlencode({name: value for name, value in settings.items() if value})
    place = f"kafka://{account}{','.join(broker.bootstrap_servers)}"
    return f"{place}?{query}" if query else place


def _topic(broker: BrokerOptions) -> str:
    plain = (topic for topic in broker.topics if not set(topic) & set("*?["))
    return next(plain, ANY_TOPIC)
