"""The consumer groups of a Kafka cluster: how far each has committed, and who its members are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions

from ingest.sources.base import GroupSample, Place
from ingest.sources.kafka_client import Admin

__all__ = ["MOST_GROUPS", "group_samples"]

MOST_GROUPS = 200
"""Groups looked at, in the order of their names: each is asked of its own coordinator."""


def group_samples(admin: Admin, places: Sequence[Place], *, own: str) -> list[GroupSample]:
    """Groups that have committed an offset of one of ``places``, but for our ``own``: it handles nothing.

    Kafka does not tell what is in a consumer's hand, so nothing is pending; ``lag`` is what lies
    behind the committed offset.
    """
    watched = set(places)
    names = [name for name in _names(admin) if name != own][:MOST_GROUPS]
    committed = {name: _committed(admin, name) for name in names}
    members = _members(admin, [name for name in names if not watched.isdisjoint(committed[name])])
    ends = admin.ends(sorted(watched))
    return [
        GroupSample(
            place,
            name,
            max(0, ends[place] - offset) if place in ends else None,
            0,
            len(readers := members.get(name, {}).get(place, frozenset())),
            members=readers,
        )
        for name, offsets in committed.items()
        for place, offset in offsets.items()
        if place in watched
    ]


def _names(admin: Admin) -> list[str]:
    told = admin.told({"": admin.client.list_consumer_groups()})
    return sorted(group.group_id for group in told[""].valid)


def _committed(admin: Admin, name: str) -> dict[Place, int]:
    asked = admin.client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)])
    return {
        Place(one.topic, one.partition): one.offset
        for group in admin.told(asked).values()
        for one in group.topic_partitions
        if one.offset >= 0 and one.error is None
    }


def _members(admin: Admin, names: Sequence[str]) -> dict[str, dict[Place, frozenset[str]]]:
    """The ids of the members of each group by what they read."""
    if not names:
        return {}
    told = admin.told(admin.client.describe_consumer_groups(list(names)))
    return {name: _assigned(group.members) for name, group in told.items()}


def _assigned(members: Iterable[Any]) -> dict[Place, frozenset[str]]:
    readers: defaultdict[Place, set[str]] = defaultdict(set)
    for member in members:
        for one in member.assignment.topic_partitions if member.assignment else ():
            readers[Place(one.topic, one.partition)].add(member.member_id)
    return {place: frozenset(ids) for place, ids in readers.items()}
