"""What is asked of streams again and again; they never change it."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from ingest.models import Stream

__all__ = ["forget_streams", "is_kafka", "partition_of"]


def partition_of(stream_id: int) -> int | None:
    """The partition of a Kafka topic; None of a Redis stream."""
    brokers = settings.INGEST.brokers
    if all(options.type == "redis" for options in brokers.values()):
        return None
    found = _place_of(stream_id)
    return found[1] if found is not None and is_kafka(found[0]) else None


def is_kafka(broker: str) -> bool:
    """Whether the broker of that name is one; of a name that is not configured any more it is not known."""
    options = settings.INGEST.brokers.get(broker)
    return options is not None and options.type == "kafka"


def forget_streams() -> None:
    """Needed when another database takes the place of this one."""
    _place_of.cache_clear()


@lru_cache(maxsize=65536)
def _place_of(stream_id: int) -> tuple[str, int] | None:
    return Stream.objects.filter(id=stream_id).values_list("broker", "partition").first()
