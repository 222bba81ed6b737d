"""Alerts as read, for pages and API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from dashboard.alerts.filtering import AlertFilter, choose_alerts
from dashboard.alerts.models import Episode, EpisodeEntry, EvaluationRound
from dashboard.alerts.paging import read_cursor, take_page
from dashboard.alerts.rule import Rule
from dashboard.alerts.ruleset import all_rules

__all__ = [
    "AlertPage",
    "acknowledged_alerts",
    "alert_timeline",
    "alerts_by_id",
    "count_by_rule",
    "count_by_state",
    "firing_count",
    "get_alert",
    "last_round",
    "list_alerts",
    "notes_of",
    "open_alerts",
    "resolved_alerts",
    "rule_of",
]

State = Episode.State
MOST_OPEN = 500
EVERYTHING = AlertFilter()
WITH_WORDS = (
    EpisodeEntry.Kind.ACKNOWLEDGED,
    EpisodeEntry.Kind.UNACKNOWLEDGED,
    EpisodeEntry.Kind.SNOOZED,
    EpisodeEntry.Kind.ASSIGNED,
    EpisodeEntry.Kind.NOTE,
)


class AlertPage(NamedTuple):
    """``next`` is the cursor of what follows, None at the end."""

    alerts: list[Episode]
    next: str | None


def firing_count() -> int:
    """Alerts that fire, that nobody has acknowledged, and that nothing hushes."""
    return Episode.objects.filter(state=State.FIRING, suppressed_by="").count()


def count_by_state() -> dict[str, int]:
    """How many alerts are shown in each open state."""
    shown = (State.FIRING.value, State.ACKNOWLEDGED.value, State.PENDING.value, Episode.SUPPRESSED)
    found = dict.fromkeys(shown, 0)
    for episode in Episode.objects.exclude(state=State.RESOLVED).only("state", "suppressed_by"):
        found[episode.shown_state()] += 1
    return found


def count_by_rule() -> dict[str, int]:
    """How many alerts each rule has open."""
    rows = Episode.objects.exclude(state=State.RESOLVED).values_list("rule")
    return dict(rows.annotate(count=Count("pk")).order_by())


def open_alerts(asked: AlertFilter = EVERYTHING) -> list[Episode]:
    """All that is open, worst first: firing, acknowledged, pending; critical before warning."""
    rows = choose_alerts(Episode.objects.exclude(state=State.RESOLVED), asked)
    order = (State.FIRING, State.ACKNOWLEDGED, State.PENDING)
    ranked = rows.annotate(
        place=_rank("state", order), weight=_rank("severity", Episode.Severity.values)
    )
    return list(ranked.order_by("place", "weight", "-started_ms")[:MOST_OPEN])


def acknowledged_alerts(asked: AlertFilter = EVERYTHING) -> list[Episode]:
    """What somebody has, and has had the longest first."""
    rows = choose_alerts(Episode.objects.filter(state=State.ACKNOWLEDGED), asked)
    return list(rows.order_by("acknowledged_ms", "pk")[:MOST_OPEN])


def resolved_alerts(
    asked: AlertFilter = EVERYTHING, *, cursor: str | None = None, limit: int = 30
) -> AlertPage:
    """What is over, the newest end first. Raises `CursorError`."""
    rows = choose_alerts(Episode.objects.filter(state=State.RESOLVED), asked)
    return _page(rows, "resolved_ms", cursor, limit)


def list_alerts(
    states: Iterable[str] = (),
    asked: AlertFilter = EVERYTHING,
    *,
    cursor: str | None = None,
    limit: int = 100,
) -> AlertPage:
    """Alerts shown in one of ``states`` (none: all), newest start first. Raises `CursorError`."""
    wanted = [_shown_in(name) for name in states]
    rows = Episode.objects.filter(reduce(or_, wanted)) if wanted else Episode.objects.all()
    return _page(choose_alerts(rows, asked), "started_ms", cursor, limit)


def get_alert(episode_id: int) -> Episode | None:
    return Episode.objects.filter(pk=episode_id).first()


def alerts_by_id(ids: Iterable[int]) -> list[Episode]:
    """Those of them that are kept, in the order asked for."""
    found = Episode.objects.in_bulk(list(ids))
    return [found[id] for id in ids if id in found]


def alert_timeline(episode: Episode) -> list[EpisodeEntry]:
    """Newest first."""
    return list(episode.entries.order_by("-at_ms", "-pk"))


def notes_of(episode_ids: Iterable[int]) -> dict[int, list[EpisodeEntry]]:
    """What people did and wrote, oldest first, by episode: one query for any number."""
    found: dict[int, list[EpisodeEntry]] = {id: [] for id in episode_ids}
    ended_by_somebody = Q(kind=EpisodeEntry.Kind.RESOLVED) & ~Q(by="")
    rows = EpisodeEntry.objects.filter(
        Q(kind__in=WITH_WORDS) | ended_by_somebody, episode_id__in=list(found)
    )
    for entry in rows.order_by("at_ms", "pk"):
        found[entry.episode_id].append(entry)
    return found


def last_round() -> EvaluationRound | None:
    """The latest round of evaluation, None if there never was one."""
    return EvaluationRound.objects.filter(pk=1).first()


def rule_of(episode: Episode) -> Rule | None:
    """The rule that made it, None if it is no longer in force or was never ours."""
    ours = episode.origin == Episode.Origin.EVENTSCOPE
    return all_rules().get(episode.rule) if ours else None


def _shown_in(state: str) -> Q:
    """Those that are shown in this state: a firing one that is hushed is shown as suppressed."""
    if state == Episode.SUPPRESSED:
        return Q(state=State.FIRING) & ~Q(suppressed_by="")
    return Q(state=state, suppressed_by="") if state == State.FIRING else Q(state=state)


def _rank(field: str, order: Sequence[str]) -> Case:
    whens = [When(**{field: name}, then=Value(place)) for place, name in enumerate(order)]
    return Case(*whens, default=Value(len(order)), output_field=IntegerField())


def _page(rows: QuerySet[Episode], field: str, cursor: str | None, limit: int) -> AlertPage:
    return AlertPage(*take_page(rows, field, read_cursor(cursor), limit))
