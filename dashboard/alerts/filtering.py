"""Which alerts a list shows: rule, severity, words, people, time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from dashboard.alerts.models import Episode, EpisodeEntry

__all__ = ["FILTERS", "AlertFilter", "FilterProblem", "choose_alerts", "read_filter", "read_where"]

FILTERS = ("rule", "severity", "text", "by", "since", "until")
LONGEST = 200


class FilterProblem(ValueError):
    """A filter that cannot be read; the message names it."""


@dataclass(frozen=True)
class AlertFilter:
    """``subject`` is the whole subject; ``text`` stands in subject, summary, rule or a note; ``by`` is somebody
    who acknowledged, resolved, was assigned, or wrote. Alerts of [``since_ms``, ``until_ms``) are those that
    lasted at some time in it."""

    rule: str = ""
    severity: str = ""
    text: str = ""
    by: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    subject: str = ""


def read_where(given: Mapping[str, str]) -> dict[str, str]:
    """What is asked, as it stands in the address."""
    return {name: given.get(name, "").replace("\x00", "").strip()[:LONGEST] for name in FILTERS}


def read_filter(where: Mapping[str, str]) -> AlertFilter:
    """Raises `FilterProblem`. Days are of UTC; until a day includes it."""
    since, until = _day("since", where["since"]), _day("until", where["until"])
    if since is not None and until is not None and since > until:
        raise FilterProblem("since: must not be later than until")
    return AlertFilter(
        rule=where["rule"],
        severity=where["severity"],
        text=where["text"],
        by=where["by"],
        since_ms=None if since is None else _ms(since),
        until_ms=None if until is None else _ms(until + timedelta(days=1)),
    )


def choose_alerts(rows: QuerySet[Episode], asked: AlertFilter) -> QuerySet[Episode]:
    if asked.rule:
        rows = rows.filter(rule=asked.rule)
    if asked.subject:
        rows = rows.filter(subject=asked.subject)
    if asked.severity:
        rows = rows.filter(severity=asked.severity)
    if asked.since_ms is not None:
        rows = rows.filter(Q(resolved_ms=None) | Q(resolved_ms__gte=asked.since_ms))
    if asked.until_ms is not None:
        rows = rows.filter(started_ms__lt=asked.until_ms)
    if asked.text:
        told = _entry(note__icontains=asked.text)
        texts = Q(subject__icontains=asked.text) | Q(summary__icontains=asked.text)
        rows = rows.filter(texts | Q(rule__icontains=asked.text) | told)
    if asked.by:
        people = ("acknowledged_by", "resolved_by", "assigned_to", "snoozed_by")
        theirs = Q(_entry(by__icontains=asked.by))
        for name in people:
            theirs |= Q(**{f"{name}__icontains": asked.by})
        rows = rows.filter(theirs)
    return rows


def _entry(**wanted: str) -> Exists:
    return Exists(EpisodeEntry.objects.filter(episode=OuterRef("pk"), **wanted))


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise FilterProblem(f"{name}: {text[:40]!r} is not a day such as 2026-11-24") from error
    if not 1971 <= found.year < 2200:
        raise FilterProblem(f"{name}: {text[:40]} lies outside the years 1971 to 2199")
    return found


def _ms(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
