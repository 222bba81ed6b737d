"""Whether the broker answers, for who asks often: the Redis that carries ticks, else the first Kafka."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings

from dashboard.live.publisher import ticks_url
from ingest.options import BrokerOptions

if TYPE_CHECKING:
    from ingest.sources.kafka_client import Admin

__all__ = ["ask_broker"]

PATIENCE = 2.0


def ask_broker() -> dict[str, Any]:
    """Returns nothing to tell. Raises `redis.RedisError`, or `BrokerError` of a Kafka."""
    url = ticks_url()
    if url:
        with redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        ) as client:
            client.ping()
    else:
        for options in list(settings.INGEST.brokers.values())[:1]:
            _kafka(options).partitions()
    return {}


@lru_cache(maxsize=1)
def _kafka(options: BrokerOptions) -> Admin:
    """Kept, since a client of Kafka has threads and connections: anybody may ask, and often."""
    from ingest.sources.kafka_client import Admin  # its library only where it is used

    return Admin(options, timeout=PATIENCE)
