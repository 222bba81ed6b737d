"""Lines that others write into the timelines of episodes."""

from __future__ import annotations

from collections.abc import Iterable

from dashboard.alerts.models import Episode, EpisodeEntry

__all__ = ["note_notification"]


def note_notification(episode_ids: Iterable[int], text: str, at_ms: int) -> int:
    """Tell in each timeline who was notified, in words; how many there were. Unknown ids are passed over."""
    known = Episode.objects.filter(pk__in=list(episode_ids)).values_list("pk", flat=True)
    kind = EpisodeEntry.Kind.NOTIFIED
    lines = [EpisodeEntry(episode_id=id, at_ms=at_ms, kind=kind, note=text) for id in known]
    return len(EpisodeEntry.objects.bulk_create(lines))
