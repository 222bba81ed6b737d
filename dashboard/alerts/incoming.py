"""Alerts that an Alertmanager tells of, shown beside ours: an episode each, known by its fingerprint.

Alertmanager tells of a whole group again whenever one of it changes, and every repeat interval: so a call
may be repeated, may come late, and says nothing of what it does not name.
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from dashboard.accounts import audit
from dashboard.alerts.models import Episode, EpisodeEntry

__all__ = ["MOST_INCOMING", "IncomingAlert", "TakenIn", "mark_silent", "take_alerts"]

MOST_INCOMING = 1000
LONGEST_VALUE = 500
MOST_LABELS = 50
CRITICAL = frozenset({"critical", "page", "error", "emergency", "fatal"})
IN_THE_SUBJECT = 4
NOT_IN_THE_SUBJECT = frozenset({"alertname", "severity"})
ONCE_MORE = "Alertmanager tells of it again"
SILENT = "Alertmanager has not told of it again"

State = Episode.State
Kind = EpisodeEntry.Kind
LIVE = (State.FIRING, State.ACKNOWLEDGED)


@dataclass(frozen=True)
class IncomingAlert:
    """One alert as it was told. ``ends_ms`` None: it goes on for as long as is not known."""

    fingerprint: str
    firing: bool
    starts_ms: int
    ends_ms: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    url: str = ""

    @property
    def rule(self) -> str:
        return (self.labels.get("alertname") or "alert")[:64]

    @property
    def severity(self) -> str:
        told = self.labels.get("severity", "").lower()
        return Episode.Severity.CRITICAL if told in CRITICAL else Episode.Severity.WARNING

    @property
    def subject(self) -> str:
        """The first few of its labels; the rest stand beside it."""
        names = sorted(set(self.labels) - NOT_IN_THE_SUBJECT)
        return ", ".join(f"{name}={self.labels[name]}" for name in names[:IN_THE_SUBJECT])[:300]

    def is_over(self, now_ms: int) -> bool:
        """Told so, or past its own end."""
        return not self.firing or (self.ends_ms is not None and self.ends_ms <= now_ms)


@dataclass
class TakenIn:
    """What a call did: alerts that are new, that are over, and of which nothing has changed."""

    opened: int = 0
    resolved: int = 0
    unchanged: int = 0


def take_alerts(alerts: Iterable[IncomingAlert], *, by: object, now_ms: int) -> TakenIn:
    """Open, keep or resolve an episode for each; what changed is audited."""
    taken = TakenIn()
    for alert in alerts:
        if alert.is_over(now_ms):
            resolved = _resolve(alert, now_ms)
            taken.resolved += resolved
            taken.unchanged += not resolved
        elif _keep(alert, now_ms) or not _open(alert, now_ms):
            taken.unchanged += 1
        else:
            taken.opened += 1
    if taken.opened or taken.resolved:
        audit.record(
            actor=by,
            action="alert.taken-in",
            subject="alertmanager",
            detail={"opened": taken.opened, "resolved": taken.resolved},
        )
    return taken


def mark_silent(*, now_ms: int | None = None) -> int:
    """Mark what was not told of again in time: neither firing nor over, for nobody knows. How many."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    late = Episode.objects.filter(state__in=LIVE, no_data=False, expected_ms__lte=now_ms)
    ids = list(late.values_list("pk", flat=True)[:MOST_INCOMING])
    marked = 0
    for id in ids:
        with transaction.atomic():
            changed = late.filter(pk=id).update(no_data=True)
            if changed:
                _tell(id, Kind.NO_DATA, now_ms, SILENT)
            marked += changed
    return marked


def _open(alert: IncomingAlert, now_ms: int) -> bool:
    try:
        with transaction.atomic():
            episode = Episode.objects.create(
                origin=Episode.Origin.ALERTMANAGER,
                external_id=alert.fingerprint[:100],
                rule=alert.rule,
                subject=alert.subject,
                severity=alert.severity,
                state=State.FIRING,
                started_ms=alert.starts_ms,
                fired_ms=alert.starts_ms,
                sampled_ms=now_ms,
                **_told(alert, now_ms),
            )
            _tell(episode.pk, Kind.FIRING, alert.starts_ms)
    except IntegrityError:
        return False  # another call has opened it meanwhile
    return True


def _keep(alert: IncomingAlert, now_ms: int) -> bool:
    """Whether it is open already; then it is heard of again."""
    with transaction.atomic():
        row = _known(alert).select_for_update().first()
        if row is None:
            return False
        _known(alert).filter(pk=row.pk).update(no_data=False, **_told(alert, now_ms))
        if row.no_data:
            _tell(row.pk, Kind.DATA, now_ms, ONCE_MORE)
    return True


def _resolve(alert: IncomingAlert, now_ms: int) -> int:
    """At its own end, but not before it began and not in time to come."""
    with transaction.atomic():
        row = _known(alert).select_for_update().first()
        if row is None:
            return 0
        ended_ms = max(row.started_ms, min(alert.ends_ms or now_ms, now_ms))
        resolved = (
            _known(alert)
            .filter(pk=row.pk)
            .update(
                state=State.RESOLVED,
                resolved_ms=ended_ms,
                evaluated_ms=now_ms,
                expected_ms=None,
                no_data=False,
                suppressed_by="",
            )
        )
        _tell(row.pk, Kind.RESOLVED, ended_ms)
    return resolved


def _known(alert: IncomingAlert) -> QuerySet[Episode]:
    return Episode.objects.filter(
        origin=Episode.Origin.ALERTMANAGER,
        external_id=alert.fingerprint[:100],
        state__in=LIVE,
    ).order_by("-pk")


def _told(alert: IncomingAlert, now_ms: int) -> dict[str, object]:
    silent_ms = now_ms + int(settings.DASHBOARD.alerts.alertmanager_silent * 1000)
    labels = dict(list(alert.labels.items())[:MOST_LABELS])
    return {
        "summary": alert.summary[:1000] or f"{alert.rule}: {alert.subject}"[:1000],
        "labels": {name[:100]: value[:LONGEST_VALUE] for name, value in labels.items()}
        | {"rule": alert.rule, "origin": Episode.Origin.ALERTMANAGER.value},
        "url": alert.url if len(alert.url) <= 1000 else "",
        "evaluated_ms": now_ms,
        "expected_ms": silent_ms if alert.ends_ms is None else min(silent_ms, alert.ends_ms),
    }


def _tell(episode_id: int, kind: str, at_ms: int, note: str = "") -> None:
    EpisodeEntry.objects.create(episode_id=episode_id, at_ms=at_ms, kind=kind, note=note)
