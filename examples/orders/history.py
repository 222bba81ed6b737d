"""The guide's OrderEventStore (interim: until eventscope.sourcing stands)."""

from __future__ import annotations

from typing import Any

from eventscope import ConcurrencyError, Event
from eventscope.envelope import decode_event, encode_event
from examples.orders.domain import Fact, rebuild_order
from examples.orders.pipe import Pipe

__all__ = ["OrderHistory", "history_key"]


def history_key(order_id: str) -> str:
    return f"demo:history:{order_id}"


class OrderHistory:
    def __init__(self, store: Any, pipe: Pipe) -> None:
        self._pipe = pipe

    async def begin(self, order_id: str, event: Event) -> None:
        length = await self._pipe.run("RPUSH", history_key(order_id), encode_event(event))
        if length != 1:
            raise ConcurrencyError

    async def save_event(self, order_id: str, event: Event) -> None:
        await self._pipe.run("RPUSH", history_key(order_id), encode_event(event))

    async def get_order_history(self, order_id: str) -> list[Event]:
        rows = await self._pipe.redis.lrange(history_key(order_id), 0, -1)
        return [decode_event(row) for row in rows]

    async def rebuild_order_state(self, order_id: str) -> dict[str, Any]:
        return rebuild_order(
            Fact(event.event_type, event.payload, event.timestamp)
            for event in await self.get_order_history(order_id)
        )
