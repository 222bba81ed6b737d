"""What a person does to an alert. Each is one conditional UPDATE, so the first of two is known."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import transaction

from dashboard.accounts import audit
from dashboard.accounts.people import may_act
from dashboard.alerts.models import Episode, EpisodeEntry
from eventscope.errors import EventscopeError

__all__ = [
    "LONGEST_NOTE",
    "LONGEST_SNOOZE_MS",
    "ActionError",
    "AlertNotFound",
    "AlertOutcome",
    "acknowledge_alert",
    "add_note",
    "assign_alert",
    "resolve_alert",
    "snooze_alert",
    "unacknowledge_alert",
    "unsnooze_alert",
]

LONGEST_NOTE = 2000
LONGEST_SNOOZE_MS = 30 * 86_400_000

Kind = EpisodeEntry.Kind
State = Episode.State


class ActionError(EventscopeError, ValueError):
    """The alert cannot be changed so; the message says why."""


class AlertNotFound(ActionError):
    """There is no alert with this id."""


@dataclass(frozen=True)
class AlertOutcome:
    """``changed`` is False if somebody was first (or it was so already): the episode tells who."""

    episode: Episode
    changed: bool

    @property
    def message(self) -> str:
        """What happened, for the person who asked."""
        episode = self.episode
        if self.changed:
            return ""
        if episode.state == State.ACKNOWLEDGED:
            return f"{episode.acknowledged_by} has acknowledged it already."
        if episode.state == State.RESOLVED and episode.resolved_by:
            return f"{episode.resolved_by} has resolved it already."
        return f"It is {episode.state} now."


def acknowledge_alert(
    episode_id: int, *, by: object, note: str = "", now_ms: int | None = None
) -> AlertOutcome:
    """From firing to acknowledged. A pending or resolved alert raises `ActionError`."""
    now = _now(now_ms)
    name, note = audit.name_of(by), _checked_note(note)
    with transaction.atomic():
        changed = Episode.objects.filter(pk=episode_id, state=State.FIRING).update(
            state=State.ACKNOWLEDGED, acknowledged_ms=now, acknowledged_by=name
        )
        if changed:
            _told(episode_id, Kind.ACKNOWLEDGED, now, by, note)
    episode = _find(episode_id)
    if not changed and episode.state != State.ACKNOWLEDGED:
        raise ActionError(f"Only a firing alert can be acknowledged; this one is {episode.state}.")
    return AlertOutcome(episode, bool(changed))


def unacknowledge_alert(
    episode_id: int, *, by: object, note: str = "", now_ms: int | None = None
) -> AlertOutcome:
    """Take an acknowledgement back: firing again, nobody has it."""
    now, note = _now(now_ms), _checked_note(note)
    with transaction.atomic():
        changed = Episode.objects.filter(pk=episode_id, state=State.ACKNOWLEDGED).update(
            state=State.FIRING, acknowledged_ms=None, acknowledged_by=""
        )
        if changed:
            _told(episode_id, Kind.UNACKNOWLEDGED, now, by, note)
    episode = _find(episode_id)
    if not changed and episode.state != State.FIRING:
        raise ActionError(f"Nobody has acknowledged it; it is {episode.state}.")
    return AlertOutcome(episode, bool(changed))


def snooze_alert(
    episode_id: int, *, by: object, until_ms: int, note: str = "", now_ms: int | None = None
) -> AlertOutcome:
    """Leave an open alert in peace until then; it goes on being evaluated."""
    now, note = _now(now_ms), _checked_note(note)
    if not now < until_ms <= now + LONGEST_SNOOZE_MS:
        raise ActionError("Snooze until a moment in the next 30 days.")
    with transaction.atomic():
        changed = _firing(episode_id).update(
            snoozed_until_ms=until_ms, snoozed_by=audit.name_of(by)
        )
        if changed:
            _told(episode_id, Kind.SNOOZED, now, by, note, until_ms=until_ms)
    return _outcome(episode_id, changed)


def unsnooze_alert(episode_id: int, *, by: object, now_ms: int | None = None) -> AlertOutcome:
    """End a snooze before its time."""
    now = _now(now_ms)
    with transaction.atomic():
        snoozed = _firing(episode_id).filter(snoozed_until_ms__gt=now)
        changed = snoozed.update(snoozed_until_ms=None, snoozed_by="")
        if changed:
            _told(episode_id, Kind.UNSNOOZED, now, by, "")
    return _outcome(episode_id, changed)


def assign_alert(
    episode_id: int, *, by: object, to: str, note: str = "", now_ms: int | None = None
) -> AlertOutcome:
    """Say who is to look after it; ``to`` empty: nobody. Raises `ActionError` if they could not act."""
    now, note = _now(now_ms), _checked_note(note)
    if to and not may_act(to):
        raise ActionError(f"{to[:60]!r} is not somebody who may act on alerts.")
    with transaction.atomic():
        changed = _firing(episode_id).exclude(assigned_to=to).update(assigned_to=to)
        if changed:
            _told(episode_id, Kind.ASSIGNED, now, by, note or f"to {to or 'nobody'}", to=to)
    return _outcome(episode_id, changed)


def resolve_alert(
    episode_id: int, *, by: object, note: str = "", now_ms: int | None = None
) -> AlertOutcome:
    """Say that it is over. What still holds after `reopening.REST_MS` comes back."""
    now, note = _now(now_ms), _checked_note(note)
    with transaction.atomic():
        changed = _firing(episode_id).update(
            state=State.RESOLVED, resolved_ms=now, resolved_by=audit.name_of(by), suppressed_by=""
        )
        if changed:
            _told(episode_id, Kind.RESOLVED, now, by, note)
    episode = _find(episode_id)
    if episode.state == State.PENDING:
        raise ActionError("It has not fired yet, so there is nothing to resolve.")
    return AlertOutcome(episode, bool(changed))


def add_note(episode_id: int, *, by: object, note: str, now_ms: int | None = None) -> EpisodeEntry:
    """A word for the others; on a resolved alert too."""
    now, note = _now(now_ms), _checked_note(note)
    if not note:
        raise ActionError("Write something first.")
    episode = _find(episode_id)
    with transaction.atomic():
        return _told(episode.pk, Kind.NOTE, now, by, note)


def _firing(episode_id: int):  # type: ignore[no-untyped-def]
    return Episode.objects.filter(pk=episode_id, state__in=(State.FIRING, State.ACKNOWLEDGED))


def _outcome(episode_id: int, changed: int) -> AlertOutcome:
    episode = _find(episode_id)
    if not changed and episode.state not in (State.FIRING, State.ACKNOWLEDGED):
        raise ActionError(f"Only a firing alert can be changed so; this one is {episode.state}.")
    return AlertOutcome(episode, bool(changed))


def _told(
    episode_id: int, kind: str, now: int, by: object, note: str, **detail: object
) -> EpisodeEntry:
    """The timeline's line and the audit's, in the caller's transaction."""
    subject = Episode.objects.values_list("rule", "subject").get(pk=episode_id)
    audit.record(
        actor=by,
        action=f"alert.{kind}",
        subject=" ".join(part for part in subject if part),
        detail={"id": episode_id, **({"note": note} if note else {}), **detail},
    )
    return EpisodeEntry.objects.create(
        episode_id=episode_id, at_ms=now, kind=kind, by=audit.name_of(by), note=note
    )


def _find(episode_id: int) -> Episode:
    episode = Episode.objects.filter(pk=episode_id).first()
    if episode is None:
        raise AlertNotFound()
    return episode


def _checked_note(note: str) -> str:
    note = note.replace("\x00", "").strip()
    if len(note) > LONGEST_NOTE:
        raise ActionError(f"A note may have {LONGEST_NOTE} characters; this has {len(note)}.")
    return note


def _now(now_ms: int | None) -> int:
    return time.time_ns() // 1_000_000 if now_ms is None else now_ms
