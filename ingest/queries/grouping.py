"""Which series a question means, and which group each belongs to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np

from ingest.queries.gather import Places

__all__ = ["OTHER", "SeriesView", "place_groups", "rank_names", "select_series"]

OTHER = "other"


class SeriesView(NamedTuple):
    """A row of Series; ``consumer`` is "" for publishing, ``source`` "" for handling.

    ``consumer_group`` as stored is "" where the group is named as the consumer: ask for ``group``.
    """

    id: int
    type: str
    source: str
    consumer: str
    topic: str
    consumer_group: str = ""

    @property
    def group(self) -> str:
        """The consumer group that handles, "" for publishing."""
        return self.consumer_group or self.consumer


def select_series(
    rows: Iterable[SeriesView],
    *,
    types: Sequence[str] = (),
    sources: Sequence[str] = (),
    consumers: Sequence[str] = (),
    topics: Sequence[str] = (),
) -> list[SeriesView]:
    """The series that the filters of `read_metrics` mean. Pure."""
    by_type, by_topic = _matcher(types), _matcher(topics)
    by_source, by_consumer = _matcher(sources), _matcher(consumers)

    def wanted(row: SeriesView) -> bool:
        if row.consumer:
            named = by_consumer(row.consumer) and bool(consumers or not sources)
        else:
            named = by_source(row.source) and bool(sources or not consumers)
        return named and by_type(row.type) and by_topic(row.topic)

    return [row for row in rows if wanted(row)]


def _matcher(names: Sequence[str]) -> Callable[[str], bool]:
    if not names:
        return lambda name: True
    exact = frozenset(names)
    globs = [name for name in names if any(sign in name for sign in "*?[")]
    return lambda name: name in exact or any(fnmatchcase(name, glob) for glob in globs)


def rank_names(rows: Iterable[SeriesView], group_by: str, totals: Sequence[int]) -> list[str]:
    """Names of the series that were counted (``totals`` by id), the busiest first."""
    sums: dict[str, int] = {}
    for row in rows:
        name = str(getattr(row, group_by))
        if name and totals[row.id]:
            sums[name] = sums.get(name, 0) + totals[row.id]
    return sorted(sums, key=lambda name: (-sums[name], name))


def place_groups(
    rows: Sequence[SeriesView],
    group_by: str,
    ranked: Sequence[str],
    *,
    most: int,
    rest: bool = False,
) -> tuple[Places, list[str]]:
    """The group of each series id (the last entry stands for all other ids; -1 is none), and the names.

    ``ranked`` are the names to tell apart, at most ``most`` with the `OTHER` that takes what is left of
    them; with ``rest`` it takes names that are not ranked too.
    A series without a name of the kind asked for belongs to none.
    """
    groups = np.full(max((row.id for row in rows), default=0) + 2, -1, np.int32)
    names = {row.id: str(getattr(row, group_by)) if group_by else "" for row in rows}
    kept = list(ranked[:most] if len(ranked) <= most else ranked[: most - 1])
    places = {name: place for place, name in enumerate(kept)}
    left = rest and not {name for name in names.values() if name} <= set(places)
    if (len(kept) < len(ranked) or left) and OTHER not in places:
        places[OTHER] = len(kept)
        kept.append(OTHER)
    for id, name in names.items():
        if name or not group_by:
            groups[id] = places.get(name, places.get(OTHER, -1))
    return groups, kept
