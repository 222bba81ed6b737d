"""The backlog of the watched consumer groups, as the brokers tell it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

import structlog
from django.conf import settings

from ingest.models import ConsumerGroup, Stream
from ingest.sources import open_source
from ingest.sources.base import BrokerError, GroupSample, Place

__all__ = ["sample_groups"]

log = structlog.get_logger("ingest")

_NAME_LENGTH = 200


def sample_groups(now_ms: int | None = None) -> int:
    """Ask every broker for the groups of the known streams and keep lag, pending and consumers.

    Groups that are gone are removed. A broker that does not answer keeps its last samples, whose age
    tells of it. Answers how many groups were seen.
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return sum(_sample_broker(name, now_ms) for name in settings.INGEST.brokers)


def _sample_broker(name: str, now_ms: int) -> int:
    ids = {
        Place(topic, partition): id
        for id, topic, partition in Stream.objects.filter(broker=name).values_list(
            "id", "topic", "partition"
        )
    }
    try:
        samples = _ask(name, list(ids))
    except BrokerError as error:
        log.warning(
            "broker does not tell its consumer groups",
            action="ingest.groups_unknown",
            broker=name,
            error=str(error),
        )
        return 0
    _keep(samples, ids, now_ms)
    return len(samples)


def _ask(name: str, places: Sequence[Place]) -> list[GroupSample]:
    source = open_source(settings.INGEST.brokers[name])
    try:
        return source.sample_groups(places)
    finally:
        source.close()


def _keep(samples: Sequence[GroupSample], ids: dict[Place, int], now_ms: int) -> None:
    members = _members(samples)
    rows = {
        (ids[sample.place], sample.name[:_NAME_LENGTH]): ConsumerGroup(
            stream_id=ids[sample.place],
            name=sample.name[:_NAME_LENGTH],
            lag=sample.lag,
            pending=sample.pending,
            consumers=sample.consumers,
            members=len(members[sample.name]),
            delivered_ms=sample.delivered_ms,
            sampled_ms=now_ms,
        )
        for sample in samples
    }
    ConsumerGroup.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["stream", "name"],
        update_fields=["lag", "pending", "consumers", "members", "delivered_ms", "sampled_ms"],
    )
    ConsumerGroup.objects.filter(stream_id__in=ids.values(), sampled_ms__lt=now_ms).delete()


def _members(samples: Sequence[GroupSample]) -> dict[str, frozenset[str]]:
    """All consumers of each group, by name: one that reads several streams or partitions is one."""
    found: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for sample in samples:
        found[sample.name] |= sample.members
    return found
