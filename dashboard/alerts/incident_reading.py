"""Reads what `dashboard.alerts.incidents` puts together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.conf import settings
from django.db.models import Q

from dashboard.alerts.deploying import read_deploys
from dashboard.alerts.incidents import (
    BREAKER,
    COMPONENT,
    CONSEQUENCE,
    DEPLOY,
    FAILURE,
    Happening,
    Incident,
    Map,
    find_incidents,
    places_of,
)
from dashboard.alerts.models import Episode
from dashboard.alerts.ruleset import all_rules
from ingest.models import Series

__all__ = ["IncidentView", "Line", "current_incidents", "incident_of", "incidents_since"]

HOUR_MS = 3_600_000
MOST_ALERTS = 500
SHOWN_LINES = 5
FOLDED_LINES = 3
"""Fewer are not worth a click."""
MOST_SERIES = 10_000
LATELY_MS = 1_800_000
CONSEQUENCES = (
    "backlog",
    "backlog_clears",
    "absence",
    "stuck_flows",
    "ingest_behind",
    "throughput",
)
State = Episode.State


Line = tuple[Happening, Episode | None]


@dataclass(frozen=True)
class IncidentView:
    """An incident with its alerts as they are now; ``lines`` are its happenings, each with its alert.

    ``here`` is the alert on whose page it is shown.
    """

    incident: Incident
    lines: list[Line]
    here: int | None = None

    @property
    def shown(self) -> list[Line]:
        """A few, in order of time: the likely cause and ``here`` among them, then the first."""
        folded = self.folded
        return [line for line in self.lines if line not in folded]

    @property
    def folded(self) -> list[Line]:
        """The rest, which a click shows; none if that were hardly more."""
        first = [line for line in self.lines if not self._is_chief(line)]
        rest = first[max(0, SHOWN_LINES - (len(self.lines) - len(first))) :]
        return rest if len(rest) >= FOLDED_LINES else []

    def _is_chief(self, line: Line) -> bool:
        happening, episode = line
        return happening == self.incident.cause or (episode is not None and episode.pk == self.here)

    @property
    def is_over(self) -> bool:
        return all(episode is None or not episode.is_open() for _, episode in self.lines)

    @property
    def firing(self) -> int:
        return sum(
            episode is not None and episode.state == State.FIRING for _, episode in self.lines
        )

    @property
    def ended_ms(self) -> int | None:
        ends = [episode.resolved_ms for _, episode in self.lines if episode is not None]
        return None if None in ends else max(end for end in ends if end is not None)


def current_incidents(now_ms: int) -> list[IncidentView]:
    """What goes on, or ended within the last half hour."""
    recent = ~Q(state=State.RESOLVED) | Q(resolved_ms__gt=now_ms - LATELY_MS)
    return [view for view in _views(Episode.objects.filter(recent)) if not _long_over(view, now_ms)]


def incidents_since(since_ms: int) -> list[IncidentView]:
    """Those with an alert that began since then, the newest first."""
    return _views(Episode.objects.filter(started_ms__gte=since_ms))


def incident_of(episode: Episode) -> IncidentView | None:
    """The one that an alert belongs to, of what began within an hour of it."""
    near = Q(
        started_ms__gte=episode.started_ms - HOUR_MS, started_ms__lte=episode.started_ms + HOUR_MS
    )
    for view in _views(Episode.objects.filter(near)):
        if episode.pk in view.incident.alerts:
            return replace(view, here=episode.pk)
    return None


def _long_over(view: IncidentView, now_ms: int) -> bool:
    return view.ended_ms is not None and view.ended_ms <= now_ms - LATELY_MS


def _views(rows: object) -> list[IncidentView]:
    episodes = _fired(rows)
    if len(episodes) < 2:
        return []
    by_id = {episode.pk: episode for episode in episodes}
    metrics = {name: rule.metric for name, rule in all_rules().items()}
    alerts = [_happening(episode, metrics) for episode in episodes]
    found = find_incidents(alerts, _deploys(), _read_map())
    return [
        IncidentView(
            incident,
            [(one, by_id.get(one.alert or 0)) for one in incident.happenings],
        )
        for incident in found
    ]


def _fired(rows) -> list[Episode]:  # type: ignore[no-untyped-def]
    """Those that did fire, the newest `MOST_ALERTS`."""
    fired = rows.exclude(fired_ms=None).exclude(state=State.PENDING)
    return list(fired.order_by("-started_ms")[:MOST_ALERTS])


def _happening(episode: Episode, metrics: Mapping[str, str]) -> Happening:
    return Happening(
        at_ms=episode.started_ms,
        places=places_of(episode.labels),
        tier=_tier(episode.labels, metrics.get(episode.rule, "")),
        words=episode.summary,
        alert=episode.pk,
    )


def _tier(labels: Mapping[str, str], metric: str) -> int:
    if metric in ("component", "ingest_stalled") or labels.get("component"):
        return COMPONENT
    if labels.get("breaker"):
        return BREAKER
    return CONSEQUENCE if metric in CONSEQUENCES else FAILURE


def _deploys() -> Iterable[Happening]:
    for deploy in read_deploys():
        words = f"{deploy.service} {deploy.version} was deployed"
        yield Happening(deploy.at_ms, frozenset({("service", deploy.service)}), DEPLOY, words)


def _read_map() -> Map:
    rows = Series.objects.order_by("id").values_list("type", "source", "consumer", "topic")
    roots = [
        ("component", component.name)
        for component in settings.DASHBOARD.health.components
        if component.check == "event-bus" or component.check.startswith("broker:")
    ]
    return Map.of(rows[:MOST_SERIES], roots)
