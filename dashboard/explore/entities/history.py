"""The order in which events made an entity, and what is odd or missing in it. Pure.

By the declared version where there is one, else by the broker's time of append.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["Arranged", "Gap", "Place", "Seen", "arrange", "read_version", "steps_at"]

TOLERANCE_MS = 1000
"""Clocks of two services differ by less without anything being wrong."""
LARGEST_VERSION = 1 << 53


class Seen(NamedTuple):
    """What is looked at of one event; ``version`` is None when it tells none."""

    event_id: str
    appended_ms: int
    occurred_ms: int | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One event's place: ``index`` in what was given, ``known_ms`` since when it and all before it are known.

    A ``duplicate`` has the version of the one before it and does not count for the state. ``late``
    came after an event that it stands before (by version), or happened before one that came earlier.
    """

    index: int
    known_ms: int
    version: int | None
    duplicate: bool = False
    late: bool = False
    copies: int = 0


class Gap(NamedTuple):
    """Versions that no stored event has: ``first`` … ``last``, missing before place ``before``."""

    first: int
    last: int
    before: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


class Arranged(NamedTuple):
    """``begins_at`` is the version that the history begins with when that is not its first."""

    places: list[Place]
    gaps: list[Gap]
    begins_at: int | None


def arrange(seen: Sequence[Seen], *, versioned: bool) -> Arranged:
    """Events in the order of their entity; ``seen`` stands in order of append.

    An event that was seen at several places counts once, where it was first.
    """
    copies = _copies(seen)
    order = list(copies)
    if versioned:
        order.sort(key=_by_version(seen, order))
    late = _late_by_version(order) if versioned else _late_by_time(seen, order)
    places: list[Place] = []
    known_ms, newest = 0, -1
    for index, is_late in zip(order, late, strict=True):
        one = seen[index]
        known_ms = max(known_ms, one.appended_ms)
        version = one.version if versioned else None
        twin = version is not None and version == newest
        newest = newest if version is None else version
        places.append(Place(index, known_ms, version, twin, is_late, copies[index]))
    return Arranged(places, *_missing(places))


def steps_at(places: Sequence[Place], at_ms: int) -> int:
    """How many of the first places are known at a moment."""
    return sum(place.known_ms <= at_ms for place in places)


def read_version(value: Any) -> int | None:
    """A version as a whole number, also one written as text; None for all else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 17:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_VERSION:
        return None
    return value


def _copies(seen: Sequence[Seen]) -> dict[int, int]:
    """The first place of each event id → how many further ones there are."""
    first: dict[str, int] = {}
    copies: dict[int, int] = {}
    for index, one in enumerate(seen):
        place = first.setdefault(one.event_id, index)
        copies[place] = copies.get(place, -1) + 1
    return copies


def _by_version(seen: Sequence[Seen], order: Sequence[int]) -> Any:
    """Sort key: the version, or for an event without one that of the event appended before it."""
    keys: dict[int, tuple[int, int]] = {}
    version = -1
    for index in order:
        told = seen[index].version
        version = version if told is None else told
        keys[index] = (version, index)
    return keys.__getitem__


def _late_by_version(order: Sequence[int]) -> list[bool]:
    """Whether something that stands behind came earlier."""
    late = []
    earliest = max(order, default=0) + 1
    for index in reversed(order):
        late.append(earliest < index)
        earliest = min(earliest, index)
    return late[::-1]


def _late_by_time(seen: Sequence[Seen], order: Sequence[int]) -> list[bool]:
    """Whether it happened clearly before something that came earlier, by the services' own clocks."""
    late = []
    newest = 0
    for index in order:
        occurred = seen[index].occurred_ms
        late.append(occurred is not None and occurred + TOLERANCE_MS < newest)
        newest = max(newest, occurred or 0)
    return late


def _missing(places: Sequence[Place]) -> tuple[list[Gap], int | None]:
    gaps: list[Gap] = []
    begins_at = last = None
    for number, place in enumerate(places):
        if place.version is None:
            continue
        if last is None and place.version > 1:
            begins_at = place.version
        if last is not None and place.version > last + 1:
            gaps.append(Gap(last + 1, place.version - 1, number))
        last = place.version
    return gaps, begins_at
