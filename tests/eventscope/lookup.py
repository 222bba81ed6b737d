"""What tests of the bus look up at the broker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from eventscope import (
    Event,
)
from eventscope.transports.base import Member
from tests.eventscope.conftest import MakeBus, MakeTransport, everything
from tests.kafka.apart import KafkaApart

Topic = Callable[[str], Awaitable[list[Event]]]


async def receipts(topic_events: Topic) -> list[dict[str, Any]]:
    events = await topic_events("system-events")
    batches = [event for event in events if event.event_type == "ProcessingReceipts"]
    return [receipt for batch in batches for receipt in batch.payload["receipts"]]


async def unsettled(make_bus: MakeBus, group: str) -> list[Any]:
    """What a new member of the group would still be given."""
    transport = make_bus().transport
    if isinstance(transport, KafkaApart):
        return await transport.unsettled(group, "orders-topic")
    member = Member(group, "auditor", ("orders-topic",))
    try:
        return [
            *await transport.read(member, count=100, wait=0.01),
            *await transport.claim(member, retry_after=0, claim_after=0.001, count=100),
        ]
    finally:
        await transport.close()


async def raw(make_transport: MakeTransport, topic: str) -> list[Any]:
    transport = make_transport()
    try:
        return await everything(transport, topic)
    finally:
        await transport.close()
