"""Marks the alerts that something hushes, and takes the mark away again: read, decide, write."""

from __future__ import annotations

import time

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from dashboard.alerts.hushing import Hush, Hushable, decide_hushes
from dashboard.alerts.inhibiting import inhibitions_of
from dashboard.alerts.models import Episode, EpisodeEntry, Silence
from dashboard.matchers import read_matcher

__all__ = ["hush_of", "renew_suppressions"]

State = Episode.State
Kind = EpisodeEntry.Kind


def renew_suppressions(*, now_ms: int | None = None) -> int:
    """Compare what hushes each open alert with what is noted, and note what changed; how many did."""
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    rows = Episode.objects.exclude(state=State.RESOLVED).order_by("pk")
    seen = list(rows.values_list("pk", "labels", "state", "suppressed_by"))
    alerts = [
        Hushable(pk, labels, state in (State.FIRING, State.ACKNOWLEDGED))
        for pk, labels, state, _ in seen
    ]
    hushes = [hush_of(silence) for silence in current_silences(now)]
    decided = decide_hushes(alerts, hushes, inhibitions_of(settings.DASHBOARD), now)
    changes = [(pk, by, decided.get(pk, "")) for pk, _, _, by in seen if by != decided.get(pk, "")]
    return sum(_note(pk, before, after, now) for pk, before, after in changes)


def current_silences(now_ms: int) -> list[Silence]:
    """Those that last now, or may (a weekly one); silences first, the oldest first."""
    begun = Silence.objects.filter(ended_ms=None, starts_ms__lte=now_ms)
    lasting = begun.filter(Q(weekly=True) | Q(ends_ms__gt=now_ms))
    return list(lasting.order_by("-kind", "pk"))


def hush_of(silence: Silence) -> Hush:
    """As the decision wants it."""
    return Hush(
        name=silence.name,
        matchers=tuple(read_matcher(sentence) for sentence in silence.matchers),
        starts_ms=silence.starts_ms,
        ends_ms=silence.ends_ms,
        weekly=silence.weekly,
        zone=silence.zone,
    )


def _note(pk: int, before: str, after: str, now_ms: int) -> int:
    """One of several monitors, or of a person's click and a round, writes it: who finds it as it was."""
    with transaction.atomic():
        unchanged = Episode.objects.filter(pk=pk, suppressed_by=before).exclude(
            state=State.RESOLVED
        )
        changed = unchanged.update(suppressed_by=after)
        if changed:
            kind = Kind.SUPPRESSED if after else Kind.UNSUPPRESSED
            note = after or before
            EpisodeEntry.objects.create(episode_id=pk, at_ms=now_ms, kind=kind, note=note)
    return changed
