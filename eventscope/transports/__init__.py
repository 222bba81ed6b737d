"""Brokers that the bus can speak to; memory and Redis pass the one suite in tests/eventscope.

Kafka (`eventscope.transports.kafka`) is loaded only where it is named.
"""

from __future__ import annotations

from eventscope.errors import EventscopeError
from eventscope.transports.base import Transport
from eventscope.transports.memory import MemoryTransport
from eventscope.transports.redis import RedisTransport

__all__ = ["MemoryTransport", "RedisTransport", "Transport", "open_transport"]


def open_transport(url: str) -> Transport:
    """The transport for ``redis://``, ``rediss://``, ``unix://``, ``memory://`` or ``kafka://``."""
    scheme = url.partition("://")[0]
    if scheme in {"redis", "rediss", "unix", "valkey", "valkeys"}:
        return RedisTransport(url.replace("valkey", "redis", 1) if "valkey" in scheme else url)
    if scheme == "memory":
        return MemoryTransport()
    if scheme == "kafka":
        from eventscope.transports.kafka import KafkaTransport

        return KafkaTransport(url)
    raise EventscopeError(f"{scheme}: no such transport; use redis://…, kafka://… or memory://")
