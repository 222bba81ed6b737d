"""What was measured, in columns: as many members as there are cost a rule a few comparisons. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from dashboard.alerts.rule import FIRING, Rule

__all__ = ["Observation", "Readings", "matches", "places_of"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Observation:
    """What was measured of one subject. ``value`` None: it could not be measured (not: it is fine).

    ``volume`` is how many things the value was taken from; ``detail`` adds words to the summary;
    ``labels`` are the parts of the subject (see `dashboard.alerts.labels`).
    """

    metric: str
    subject: str
    value: float | None
    volume: float = float("inf")
    detail: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


Tell = Callable[[str], tuple[str, Mapping[str, str]]]


@dataclass(frozen=True)
class Readings:
    """The members of one question: values (nan is unknown) and volumes in the order of ``subjects``.

    ``tell`` gives the detail and the labels of a subject, which only those that hold need. ``absent``
    is the value of a subject that is not among them: 0 where nothing is known to be nothing.
    ``left_out`` is how many members there are beyond the bound, ``narrowed`` the globs that names had to match.
    ``seen`` are members already told as observations; those narrowed from one answer share them.
    """

    metric: str
    subjects: tuple[str, ...]
    values: F64
    volumes: F64
    tell: Tell = field(default=lambda subject: ("", {}))
    absent: float = float("nan")
    left_out: int = 0
    narrowed: tuple[tuple[str, ...], ...] = ()
    seen: dict[str, Observation] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, metric: str, observations: Iterable[Observation]) -> Readings:
        """Columns of rows; of two with one subject the last counts."""
        by_subject = {item.subject: item for item in observations}
        values = [np.nan if item.value is None else item.value for item in by_subject.values()]
        return cls(
            metric,
            tuple(by_subject),
            np.array(values, np.float64),
            np.array([item.volume for item in by_subject.values()], np.float64),
            lambda subject: _parts(by_subject.get(subject)),
        )

    @cached_property
    def places(self) -> dict[str, int]:
        return {subject: place for place, subject in enumerate(self.subjects)}

    @property
    def unknown(self) -> int:
        return int(np.isnan(self.values).sum())

    def find(self, subject: str) -> Observation:
        """What is known of it, whether it is among the members or not."""
        place = self.places.get(subject)
        if place is not None:
            return self.observation(place)
        value = None if np.isnan(self.absent) else self.absent
        return Observation(self.metric, subject, value, 0, *self.tell(subject))

    def observation(self, place: int) -> Observation:
        subject = self.subjects[place]
        found = self.seen.get(subject)
        if found is None:
            value, volume = float(self.values[place]), float(self.volumes[place])
            known = None if value != value else value
            found = Observation(self.metric, subject, known, volume, *self.tell(subject))
            self.seen[subject] = found
        return found

    def wants(self, subject: str) -> bool:
        """Whether a member of that name would be judged, if there were one."""
        return subject in self.places or all(matches(globs, subject) for globs in self.narrowed)

    def only(self, places: I64) -> Readings:
        """Those members alone."""
        return replace(
            self,
            subjects=tuple(self.subjects[place] for place in places.tolist()),
            values=self.values[places],
            volumes=self.volumes[places],
        )

    def narrow(self, globs: tuple[str, ...]) -> Readings:
        """Those whose names the globs match; none given: all."""
        if not globs:
            return self
        chosen = self.only(places_of(self.subjects, globs))
        return replace(chosen, narrowed=(*self.narrowed, globs))

    def bounded(self, most: int, kept: Iterable[str]) -> Readings:
        """At most ``most`` members: those of ``kept`` (they have an open episode), then by volume."""
        size = len(self.subjects)
        if size <= most:
            return self
        first = np.zeros(size)
        first[[self.places[name] for name in kept if name in self.places]] = 1
        order = np.lexsort((-self.volumes, -first))[:most]
        return replace(self.only(np.sort(order)), left_out=size - most)

    def holding(self, rule: Rule) -> list[int]:
        """The places of the members of which ``rule`` holds; unknown ones if it wants that."""
        limits = self._limits(rule) if rule.overrides else rule.limit
        beyond = self.values > limits if rule.below is None else self.values < limits
        if rule.minimum:
            beyond &= self.volumes >= rule.minimum
        if rule.no_data == FIRING:
            beyond |= np.isnan(self.values)
        return np.flatnonzero(beyond).tolist() if beyond.any() else []

    def _limits(self, rule: Rule) -> F64:
        limits = np.full(len(self.subjects), rule.limit)
        for subject, limit in rule.overrides.items():
            if subject in self.places:
                limits[self.places[subject]] = limit
        return limits


@lru_cache(maxsize=4_096)
def places_of(subjects: tuple[str, ...], globs: tuple[str, ...]) -> I64:
    """The places of the subjects that some glob matches."""
    return np.array([n for n, name in enumerate(subjects) if matches(globs, name)], np.int64)


@lru_cache(maxsize=65_536)
def matches(globs: tuple[str, ...], name: str) -> bool:
    """Whether some glob matches; none given matches all."""
    return not globs or any(_pattern(glob)(name) for glob in globs)


@lru_cache(maxsize=4_096)
def _pattern(glob: str) -> Callable[[str], object]:
    return re.compile(translate(glob)).match


def _parts(item: Observation | None) -> tuple[str, Mapping[str, str]]:
    return ("", {}) if item is None else (item.detail, item.labels)
