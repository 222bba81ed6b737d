"""What the public may see: components under their public names, their days and incidents, no reasons.

Only what `[[status.components]]` names is read; no inner name, instance, check or word of an error goes
into these structures, so that no page made of them can tell one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from dashboard.fleet.component import Strip, strips_of_standings
from dashboard.fleet.uptime import Incident, incidents_of
from dashboard.options import PublicComponentOptions, StatusOptions
from ingest.folds.health_history import Span
from ingest.folds.health_words import UNKNOWN
from ingest.queries.health_history import find_standings, read_spans_of, until_now
from ingest.queries.state import list_components

__all__ = ["PublicComponent", "PublicIncident", "PublicStatus", "read_status", "sum_up"]

MOST_INCIDENTS = 30


@dataclass(frozen=True)
class PublicComponent:
    name: str
    slug: str
    status: str
    strip: Strip | None


@dataclass(frozen=True)
class PublicIncident:
    """``until_ms`` None: it goes on."""

    name: str
    status: str
    from_ms: int
    until_ms: int | None
    lasted_ms: int


@dataclass(frozen=True)
class PublicStatus:
    """``words`` sum it up, ``tone`` is ok, warn, bad or off."""

    title: str
    text: str
    words: str
    tone: str
    components: list[PublicComponent]
    incidents: list[PublicIncident]
    at_ms: int


def read_status(options: StatusOptions, *, now_ms: int) -> PublicStatus:
    """As configured. Four queries, however many components."""
    names = {one.component for one in options.components}
    statuses = {view.component: view.status for view in list_components(now_ms=now_ms)}
    standings = find_standings(names)
    strips = strips_of_standings(standings, now_ms=now_ms)
    since_ms = now_ms - int(options.incidents * 1000)
    spans = read_spans_of(standings, since_ms=since_ms)
    components = [
        PublicComponent(
            one.name, one.slug, statuses.get(one.component, UNKNOWN), strips.get(one.component)
        )
        for one in options.components
    ]
    words, tone = sum_up([one.status for one in components])
    return PublicStatus(
        title=options.title,
        text=options.text,
        words=words,
        tone=tone,
        components=components,
        incidents=_incidents(options.components, spans, now_ms),
        at_ms=now_ms,
    )


def sum_up(statuses: Sequence[str]) -> tuple[str, str]:
    """All of them in a sentence, and its tone. What is unknown is never taken for well. Pure."""
    down, slow, unseen = (statuses.count(one) for one in ("unhealthy", "degraded", UNKNOWN))
    whole = len(statuses)
    if down:
        return f"{down} of {whole} {'is' if down == 1 else 'are'} down", "bad"
    if slow:
        return f"{slow} of {whole} {'is' if slow == 1 else 'are'} degraded", "warn"
    if unseen:
        return f"{unseen} of {whole} cannot be seen just now", "off"
    return "Everything works", "ok"


def _incidents(
    components: Sequence[PublicComponentOptions], spans: Mapping[str, list[Span]], now_ms: int
) -> list[PublicIncident]:
    silent_ms = settings.HEALTH_SILENT_MS
    found = [
        _public(one.name, incident)
        for one in components
        for incident in incidents_of(
            until_now(spans.get(one.component, []), now_ms=now_ms, silent_ms=silent_ms)
        )
    ]
    return sorted(found, key=lambda one: one.from_ms, reverse=True)[:MOST_INCIDENTS]


def _public(name: str, incident: Incident) -> PublicIncident:
    return PublicIncident(
        name, incident.status, incident.from_ms, incident.until_ms, incident.lasted_ms
    )
