"""Series: names to small numbers, made on first sight, with a limit and an overflow."""

from __future__ import annotations

import time
from typing import NamedTuple

from django.conf import settings

from ingest.models import Series

__all__ = ["NAMES", "OVERFLOW", "SeriesDictionary", "SeriesNames", "clean_name", "overflow_names"]

OVERFLOW = "__overflow__"
NAME_LENGTH = 200
TOPIC_LENGTH = 255


class SeriesNames(NamedTuple):
    """The names of a series; ``consumer`` is "" for publishing, ``consumer_group`` where it is named alike."""

    type: str
    source: str
    consumer: str
    topic: str
    consumer_group: str = ""


NAMES = SeriesNames._fields


def clean_name(name: str, length: int = NAME_LENGTH) -> str:
    """``name`` as every database can hold it: no NUL, no lone surrogate, not too long."""
    if name.isascii() and "\0" not in name:
        return name[:length]
    whole = name.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return whole[:length]


def overflow_names(*, handling: bool) -> SeriesNames:
    """Where events beyond the limit are counted: once for publishing and once for handling."""
    return SeriesNames(OVERFLOW, OVERFLOW, OVERFLOW if handling else "", OVERFLOW)


class SeriesDictionary:
    """`ingest.store.base.SeriesCodes` over the Series table; one a worker, not shared by threads.

    Ids are kept in memory. After a rollback call `forget`: series made in that transaction are gone.
    """

    def __init__(self, *, limit: int | None = None) -> None:
        self.limit = settings.INGEST.limits.series if limit is None else limit
        self._ids: dict[SeriesNames, int] = {}
        self._seen: dict[tuple[str, str, str, str, str], int] = {}
        self._newest = -1

    def code(self, type: str, source: str, consumer: str, topic: str, group: str = "") -> int:
        """The id of the series, or of ``__overflow__`` when there are too many already."""
        names = (type, source, consumer, topic, group)
        found = self._seen.get(names)
        return self._learn(names) if found is None else found

    def overflowed(self) -> bool:
        """Whether the limit is reached, so that new names are counted together."""
        return self._count() >= self.limit

    def forget(self) -> None:
        """Drop all that is remembered; it is read again when needed."""
        self._ids.clear()
        self._seen.clear()
        self._newest = -1

    def _learn(self, raw: tuple[str, str, str, str, str]) -> int:
        type, source, consumer, group = map(clean_name, (*raw[:3], raw[4]))
        topic = clean_name(raw[3], TOPIC_LENGTH)
        own = "" if group == consumer else group
        names = SeriesNames(type, source, consumer, topic, own)
        found = self._ids.get(names)
        if found is None:
            found = self._make(names)
        if len(self._seen) >= 4 * self.limit:
            self._seen.clear()
        self._seen[raw] = found
        return found

    def _make(self, names: SeriesNames) -> int:
        if self._newest < 0 or not self.overflowed():
            self._load()
        if names in self._ids:
            return self._ids[names]
        if self.overflowed():
            names = overflow_names(handling=bool(names.consumer))
        if names not in self._ids:
            self._insert(names)
        return self._ids[names]

    def _count(self) -> int:
        return sum(
            1 for handling in (False, True) if overflow_names(handling=handling) not in self._ids
        ) + (len(self._ids) - 2)

    def _load(self) -> None:
        """Learn the series that were made since: by another worker, or before we started."""
        rows = Series.objects.filter(id__gt=self._newest).order_by("id")
        for id, *names in rows.values_list("id", *NAMES):
            self._ids[SeriesNames(*names)] = id
            self._newest = id
        self._newest = max(self._newest, 0)

    def _insert(self, names: SeriesNames) -> None:
        """Another worker may insert the same at the same moment: then its row is ours."""
        made = Series(**names._asdict(), created_ms=time.time_ns() // 1_000_000)
        Series.objects.bulk_create([made], ignore_conflicts=True)
        row = Series.objects.values_list("id", flat=True).get(**names._asdict())
        self._ids[names] = row
