"""Names against patterns: ``*`` any characters, ``?`` one, ``!`` in front leaves out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ingest.store.base import EventFilter
from ingest.store.series import OVERFLOW, SeriesNames

__all__ = ["FilterNames", "SeriesChoice", "is_pattern", "name_test"]


def is_pattern(name: str) -> bool:
    """Whether more than one name may fit."""
    return name.startswith("!") or "*" in name or "?" in name


def name_test(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a name fits any of ``patterns`` and none of those with ``!`` before them.

    Without a pattern to fit, everything passes that is not left out.
    """
    wanted = _any_of([pattern for pattern in patterns if not pattern.startswith("!")])
    unwanted = _any_of([pattern[1:] for pattern in patterns if pattern.startswith("!")])
    return lambda name: (
        (wanted is None or wanted.fullmatch(name) is not None)
        and (unwanted is None or unwanted.fullmatch(name) is None)
    )


def _any_of(patterns: Sequence[str]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    parts = (re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".") for pattern in patterns)
    return re.compile("|".join(parts), re.DOTALL)


class SeriesChoice(NamedTuple):
    """Ids of the series a filter wants, and of those whose rows must be looked at one by one."""

    wanted: frozenset[int]
    doubtful: frozenset[int]

    @property
    def all(self) -> frozenset[int]:
        return self.wanted | self.doubtful


class FilterNames:
    """The names half of an `EventFilter`, ready to be asked."""

    def __init__(self, where: EventFilter) -> None:
        self.any = not (where.types or where.sources or where.topics)
        self._type = name_test(where.types)
        self._source = name_test(where.sources)
        self._topic = name_test(where.topics)

    def fits(self, type: str, source: str, topic: str) -> bool:
        return self._type(type) and self._source(source) and self._topic(topic)

    def choose(self, series: dict[int, SeriesNames]) -> SeriesChoice | None:
        """Which publishing series fit; None if all do."""
        if self.any:
            return None
        wanted, doubtful = [], []
        for id, names in series.items():
            if names.consumer:
                continue
            if names.type == OVERFLOW:
                doubtful.append(id)
            elif self.fits(names.type, names.source, names.topic):
                wanted.append(id)
        return SeriesChoice(frozenset(wanted), frozenset(doubtful))
