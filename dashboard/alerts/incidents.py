"""What fired together, as one incident with its likely first cause. Pure.

Alerts belong together if they began within `TOGETHER_MS` of each other and are *near*: they name the same
place, or places that are one service apart along the topology (a service, the topic that it publishes to,
the services that read it). What belongs to one that belongs to a third is in the same incident. Deploys
shortly before an incident, of a service in it, are told with it.

The likely cause is looked for among what began within `SLACK_MS` of the first alert (rules notice with
different delays) and the deploys before: first by what usually causes what (`TIERS`), then by how many of
the others lie downstream of it, then by time. It is a guess, and says why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = [
    "SLACK_MS",
    "TIERS",
    "TOGETHER_MS",
    "Happening",
    "Incident",
    "Map",
    "Place",
    "find_incidents",
    "places_of",
]

TOGETHER_MS = 600_000
SLACK_MS = 120_000
DEPLOY_BEFORE_MS = 900_000
NEAR_STEPS = 2
FAR_STEPS = 8

DEPLOY, COMPONENT, BREAKER, FAILURE, CONSEQUENCE = range(5)
TIERS = {
    DEPLOY: "a deploy came shortly before",
    COMPONENT: "what others depend on failed",
    BREAKER: "a breaker opens because what it calls fails",
    FAILURE: "handlings failed or were slow",
    CONSEQUENCE: "work piles up because of something else",
}
Place = tuple[str, str]
"""A kind (service, topic, type, component) and a name. A source and a consumer are services."""


@dataclass(frozen=True)
class Happening:
    """An alert, or a deploy (``alert`` None). ``places`` is where it is; ``tier`` one of `TIERS`."""

    at_ms: int
    places: frozenset[Place]
    tier: int
    words: str
    alert: int | None = None


@dataclass(frozen=True)
class Map:
    """``after`` tells which places come directly downstream of one; ``roots`` are places that everything
    depends on (the broker)."""

    after: Mapping[Place, frozenset[Place]]
    roots: frozenset[Place] = frozenset()

    @classmethod
    def of(
        cls,
        series: Iterable[tuple[str, str, str, str]],
        roots: Iterable[Place] = (),
    ) -> Map:
        """From (type, source, consumer, topic) of all that was ever seen."""
        after: dict[Place, set[Place]] = {}
        for type, source, consumer, topic in series:
            if source:
                after.setdefault(("service", source), set()).add(("topic", topic))
            if consumer:
                after.setdefault(("topic", topic), set()).add(("service", consumer))
            after.setdefault(("type", type), set()).add(("topic", topic))
        return cls({place: frozenset(next) for place, next in after.items()}, frozenset(roots))

    def downstream(self, places: Iterable[Place], steps: int = FAR_STEPS) -> set[Place]:
        """Those places, and what is reached from them in so many steps."""
        found = dict.fromkeys(places, 0)
        queue = deque(found)
        while queue:
            place = queue.popleft()
            if found[place] == steps:
                continue
            for following in self.after.get(place, ()):
                if following not in found:
                    found[following] = found[place] + 1
                    queue.append(following)
        return set(found)


@dataclass(frozen=True)
class Incident:
    """``happenings`` in order of time; ``cause`` is one of them, ``why`` says why it is taken for it."""

    happenings: tuple[Happening, ...]
    cause: Happening
    why: tuple[str, ...] = field(default=())

    @property
    def id(self) -> int:
        """The number of its first alert: it stays the same while others join."""
        return min(self.alerts)

    @property
    def alerts(self) -> list[int]:
        return [one.alert for one in self.happenings if one.alert is not None]

    @property
    def began_ms(self) -> int:
        return self.happenings[0].at_ms


def find_incidents(
    alerts: Iterable[Happening], deploys: Iterable[Happening], map: Map
) -> list[Incident]:
    """Those of two alerts or more, the newest first."""
    ordered = sorted(alerts, key=lambda one: (one.at_ms, one.alert or 0))
    before = sorted(deploys, key=lambda one: (one.at_ms, one.words))
    found = [_incident(group, before, map) for group in _together(ordered, map) if len(group) > 1]
    return sorted(found, key=lambda incident: (-incident.began_ms, incident.id))


def places_of(labels: Mapping[str, str]) -> frozenset[Place]:
    """Where an alert with these labels is."""
    kinds = {"service": "service", "source": "service", "consumer": "service", "topic": "topic"}
    found = {(kind, labels[name]) for name, kind in kinds.items() if labels.get(name)}
    found |= {(kind, labels[kind]) for kind in ("type", "component") if labels.get(kind)}
    return frozenset(found)


def _together(ordered: Sequence[Happening], map: Map) -> list[list[Happening]]:
    """Groups of what belongs together, each in order of time."""
    reach = [map.downstream(one.places, NEAR_STEPS) for one in ordered]
    parent = list(range(len(ordered)))

    def group_of(place: int) -> int:
        while parent[place] != place:
            parent[place] = place = parent[parent[place]]
        return place

    for later, one in enumerate(ordered):
        for earlier in range(later - 1, -1, -1):
            other = ordered[earlier]
            if one.at_ms - other.at_ms > TOGETHER_MS:
                break
            new, old = group_of(earlier), group_of(later)
            if new != old and _near(other, reach[earlier], one, reach[later], map):
                parent[old] = new
    groups: dict[int, list[Happening]] = {}
    for place, one in enumerate(ordered):
        groups.setdefault(group_of(place), []).append(one)
    return list(groups.values())


def _near(
    one: Happening, reach: set[Place], other: Happening, reach_other: set[Place], map: Map
) -> bool:
    if one.places & map.roots or other.places & map.roots:
        return bool(one.places and other.places)
    return bool(one.places & reach_other or other.places & reach)


def _incident(group: list[Happening], deploys: Sequence[Happening], map: Map) -> Incident:
    first = group[0].at_ms
    places = frozenset().union(*(one.places for one in group))
    before = [
        one
        for one in deploys
        if first - DEPLOY_BEFORE_MS <= one.at_ms <= first and one.places & places
    ]
    happenings = (*before, *group)
    candidates = [*before, *(one for one in group if one.at_ms - first <= SLACK_MS)]
    below = {id(one): _below(one, happenings, map) for one in candidates}
    cause = min(candidates, key=lambda one: (one.tier, -below[id(one)], one.at_ms, one.alert or 0))
    return Incident(happenings, cause, _why(cause, happenings, below[id(cause)]))


def _below(one: Happening, happenings: Sequence[Happening], map: Map) -> int:
    """How many of the others lie at the same place or downstream of it."""
    if one.places & map.roots:
        return len(happenings) - 1
    reached = map.downstream(one.places)
    return sum(bool(other.places & reached) for other in happenings if other is not one)


def _why(cause: Happening, happenings: Sequence[Happening], below: int) -> tuple[str, ...]:
    others = [one for one in happenings if one is not cause]
    earliest = min(one.at_ms for one in others)
    if cause.at_ms < earliest:
        when = f"it began first, {_seconds(earliest - cause.at_ms)} before the next"
    else:
        when = f"it began within {_seconds(SLACK_MS)} of the first"
    if not below:
        return when, TIERS[cause.tier]
    many = f"{below} of the {len(others)} others lie" if len(others) > 1 else "the other lies"
    return when, TIERS[cause.tier], f"{many} at the same place or downstream of it"


def _seconds(ms: int) -> str:
    if ms < 1000:
        return "a moment"
    return f"{ms / 1000:.0f} s" if ms < 120_000 else f"{ms / 60_000:.0f} min"
