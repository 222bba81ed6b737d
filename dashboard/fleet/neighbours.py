"""Where the services of a component stand in the flow of events: who sends to them, who is sent to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from ingest.models import Series
from ingest.system import SYSTEM_TYPES

__all__ = ["Neighbour", "Neighbours", "neighbours_of", "read_neighbours"]

MOST_SERIES = 10_000
MOST = 50


class Neighbour(NamedTuple):
    """A service, and the topics that lie between."""

    name: str
    topics: tuple[str, ...]


class Neighbours(NamedTuple):
    """``above`` publish what the services consume, ``below`` consume what they publish; by name."""

    above: list[Neighbour]
    below: list[Neighbour]


def read_neighbours(services: Collection[str]) -> Neighbours:
    """Of every series that was ever seen, as far as `MOST_SERIES` go; one query, none without services."""
    if not services:
        return Neighbours([], [])
    rows = Series.objects.exclude(type__in=SYSTEM_TYPES).order_by("id")
    return neighbours_of(services, rows.values_list("source", "consumer", "topic")[:MOST_SERIES])


def neighbours_of(services: Collection[str], series: Iterable[tuple[str, str, str]]) -> Neighbours:
    """``series`` are source, consumer and topic: one with a consumer tells of handling, else of publishing. Pure."""
    published: set[tuple[str, str]] = set()
    consumed: set[tuple[str, str]] = set()
    for source, consumer, topic in series:
        if consumer:
            consumed.add((consumer, topic))
        elif source:
            published.add((source, topic))
    own_in = {topic for name, topic in consumed if name in services}
    own_out = {topic for name, topic in published if name in services}
    return Neighbours(_between(published, own_in, services), _between(consumed, own_out, services))


def _between(
    places: Iterable[tuple[str, str]], topics: Collection[str], services: Collection[str]
) -> list[Neighbour]:
    found: dict[str, set[str]] = {}
    for name, topic in places:
        if topic in topics and name not in services:
            found.setdefault(name, set()).add(topic)
    told = (Neighbour(name, tuple(sorted(between))) for name, between in sorted(found.items()))
    return list(told)[:MOST]
