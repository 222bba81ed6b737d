"""The names that events were seen with: completion for the filters, the catalog, the topology."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.db.models import Max, QuerySet

from dashboard.explore.fields import Names
from ingest.models import Series
from ingest.store.series import OVERFLOW
from ingest.system import SYSTEM_TYPES

__all__ = [
    "Names",
    "SeenType",
    "group_types",
    "newest_series",
    "own_types",
    "read_catalog",
    "read_names",
    "topic_of_type",
]

MOST_SERIES = 10_000


class SeenType(NamedTuple):
    """One event type: who publishes it where, who handles it, since when it is known."""

    type: str
    sources: list[str]
    topics: list[str]
    consumers: list[str]
    first_ms: int


def read_names() -> Names:
    """What the filters and the query bar complete to; one query."""
    rows = list(_series().values_list("type", "source", "topic", "consumer"))
    types, sources, topics, consumers = (
        sorted({row[part] for row in rows} - {"", OVERFLOW}) for part in range(4)
    )
    kinds, paths = sorted(settings.INGEST.entities), settings.INGEST.index.paths
    return Names(types, sources, topics, consumers, kinds, paths)


def read_catalog() -> list[SeenType]:
    """Every known type, by name; one query."""
    return group_types(_series())


def group_types(series: Iterable[Series]) -> list[SeenType]:
    """Series joined by type. Pure."""
    types: dict[str, list[Series]] = {}
    for one in series:
        types.setdefault(one.type, []).append(one)
    return [
        SeenType(
            type=name,
            sources=sorted({one.source for one in found if not one.consumer}),
            topics=sorted({one.topic for one in found}),
            consumers=sorted({one.consumer for one in found} - {""}),
            first_ms=min(one.created_ms for one in found),
        )
        for name, found in sorted(types.items())
    ]


def newest_series() -> int:
    """The id of the newest series; 0 while there is none."""
    return Series.objects.aggregate(newest=Max("id"))["newest"] or 0


def own_types(until: int) -> tuple[str, ...]:
    """Published types but the system events, of the series up to the id ``until``.

    None when there are too many to tell apart. The same ``until`` gives the same types, as the
    pages of one list need.
    """
    published = Series.objects.filter(consumer="", id__lte=until)
    types = set(published.values_list("type", flat=True).distinct()[:MOST_SERIES])
    return () if OVERFLOW in types else tuple(sorted(types - SYSTEM_TYPES))


def topic_of_type(event_type: str) -> str:
    """The topic where this type was published first; "" when it was never seen."""
    found = Series.objects.filter(type=event_type, consumer="").order_by("id")
    return found.values_list("topic", flat=True).first() or ""


def _series() -> QuerySet[Series]:
    return Series.objects.order_by("id")[:MOST_SERIES]
