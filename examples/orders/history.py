"""The guide's OrderEventStore: an order is the sequence of its events.

What OrderService itself says of an order is stored and published in one step (the store's outbox; where the
broker is a Kafka, a relay empties it);
what other services say is stored when it arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import RedisError

from eventscope import BrokerUnavailable, Event
from eventscope.routing import Router
from eventscope.sourcing import Entities, EventStore, RedisEventStore
from eventscope.transports import RedisTransport
from examples.orders.domain import Fact, apply_event
from examples.orders.pipe import Pipe
from examples.orders.shop import OWN_SERVICE, ROUTES

__all__ = ["OrderHistory", "PipedTransport", "history_key", "open_history"]

KIND = "order"
_router = Router(ROUTES, default="orders-topic")


class PipedTransport(RedisTransport):
    """Sends the scripts of all who append at the same moment in one round trip."""

    def __init__(self, url: str, pipe: Pipe) -> None:
        super().__init__(url)
        self._pipe = pipe

    async def script(self, text: str, keys: Sequence[str], *args: Any) -> Any:
        try:
            return await self._pipe.run("EVAL", text, len(keys), *keys, *args)
        except RedisError as error:
            raise BrokerUnavailable(f"{type(error).__name__}: {error}") from error


def open_history(transport: RedisTransport, *, topic_length: int, relayed: bool) -> RedisEventStore:
    """``relayed``: the broker is another than the store, and an `OutboxRelay` publishes."""
    return RedisEventStore(
        transport, KIND, outbox=_outbox, max_length=topic_length, relayed=relayed
    )


def history_key(order_id: str) -> str:
    """Where `RedisEventStore` keeps one order's events."""
    return f"eventscope:entity:{KIND}:{order_id}"


class OrderHistory:
    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._orders: Entities[dict[str, Any]] = Entities(store, _reduce, dict)

    async def begin(self, order_id: str, created: Event) -> None:
        """Store and publish the first event. Raises `ConcurrencyError` when there is such an order."""
        await self._store.append(order_id, [created], expected_version=0)

    async def save_event(self, order_id: str, event: Event) -> None:
        """Store what another service said, once: a repeated delivery is looked for first."""
        if event.attempt > 1 and await self._has(order_id, event.event_id):
            return
        await self._store.append(order_id, [event])

    async def decide(
        self, order_id: str, decide: Callable[[dict[str, Any]], Sequence[Event]]
    ) -> None:
        """Store and publish what ``decide`` makes of the order as it is."""
        await self._orders.change(order_id, decide)

    async def get_order_history(self, order_id: str) -> list[Event]:
        return [stored.event for stored in await self._store.history(order_id)]

    async def rebuild_order_state(self, order_id: str) -> dict[str, Any]:
        """The order that its whole history makes; empty when it has none."""
        return (await self._orders.load(order_id)).state

    async def _has(self, order_id: str, event_id: str) -> bool:
        history = await self.get_order_history(order_id)
        return any(event.event_id == event_id for event in history)


def _reduce(order: dict[str, Any], event: Event) -> dict[str, Any]:
    return apply_event(order, Fact(event.event_type, event.payload, event.timestamp))


def _outbox(event: Event) -> str | None:
    return _router.topic(event.event_type) if event.source == OWN_SERVICE else None
