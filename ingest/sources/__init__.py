"""Brokers: the only rooms that know one. `base` is the interface."""

from __future__ import annotations

from ingest.options import BrokerOptions
from ingest.sources.base import Source
from ingest.sources.redis_streams import RedisStreams

__all__ = ["open_source"]


def open_source(options: BrokerOptions, *, timeout: float = 10.0) -> Source:
    """The source for one configured broker; it connects on first use, and waits ``timeout`` s for answers."""
    if options.type == "redis":
        return RedisStreams(options, timeout=timeout)
    from ingest.sources.kafka import Kafka  # its library is loaded only where it is used

    return Kafka(options, timeout=timeout)
