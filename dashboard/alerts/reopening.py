"""What comes back soon joins its old episode, and what comes back often is marked as flapping.

An episode is looked for when the new stretch *fires*: what holds too shortly to fire reopens nothing. The
window is measured from the old end to the moment at which the condition held again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import transaction

from dashboard.alerts.evaluate import Intent, Open
from dashboard.alerts.models import Episode, EpisodeEntry

__all__ = [
    "FLAPPING_WITHIN_MS",
    "REST_MS",
    "calm_down",
    "is_flapping",
    "reopen_recent",
    "without_resting",
]

FLAPPING_WITHIN_MS = 3_600_000
REST_MS = 300_000
"""For how long a person's word that it is over is believed. Rates are taken over the last five minutes, so
until then they still tell of what the person has mended."""

State = Episode.State
Kind = EpisodeEntry.Kind


def is_flapping(reopenings_ms: Sequence[int], now_ms: int, *, at_least: int) -> bool:
    """Whether it came back so often within the last hour."""
    return sum(now_ms - FLAPPING_WITHIN_MS < at <= now_ms for at in reopenings_ms) >= at_least


def without_resting(intents: Iterable[Intent], now_ms: int) -> list[Intent]:
    """Leave out what would open what a person has just resolved."""
    intents = list(intents)
    if not any(isinstance(intent, Open) for intent in intents):
        return intents
    said = Episode.objects.filter(state=State.RESOLVED, resolved_ms__gt=now_ms - REST_MS)
    resting = set(said.exclude(resolved_by="").values_list("rule", "subject"))
    return [intent for intent in intents if not _opens(intent, resting)]


def reopen_recent(
    *,
    rule: str,
    subject: str,
    held_again_ms: int,
    now_ms: int,
    value: float | None,
    summary: str,
    pending_id: int | None = None,
    lower_is_worse: bool = False,
) -> int | None:
    """Make the latest episode fire again if it ended within the window: its id, or None if there is none.

    ``pending_id`` is the young episode that would have fired; its lines go over and it is deleted. Call it
    in a transaction: nothing is to be seen of the two between.
    """
    options = settings.DASHBOARD.alerts
    ended_after = held_again_ms - int(options.reopen_window * 1000)
    ours = Episode.objects.filter(origin=Episode.Origin.EVENTSCOPE, rule=rule, subject=subject)
    old = ours.filter(state=State.RESOLVED, resolved_ms__gte=ended_after).order_by("-resolved_ms")
    id = old.values_list("pk", flat=True).first()
    if id is None:
        return None
    with transaction.atomic():
        if pending_id is not None:
            EpisodeEntry.objects.filter(episode_id=pending_id).update(episode_id=id)
            Episode.objects.filter(pk=pending_id).delete()
        _fire_again(
            id,
            now_ms,
            value,
            summary,
            at_least=options.flapping_after,
            lower_is_worse=lower_is_worse,
        )
    return id


def calm_down(now_ms: int) -> int:
    """Take the mark of flapping from what has not come back for an hour; how many."""
    marked = Episode.objects.filter(flapping=True).exclude(state=State.RESOLVED)
    return marked.filter(reopened_ms__lte=now_ms - FLAPPING_WITHIN_MS).update(flapping=False)


def _fire_again(
    id: int,
    now_ms: int,
    value: float | None,
    summary: str,
    *,
    at_least: int,
    lower_is_worse: bool,
) -> None:
    EpisodeEntry.objects.create(episode_id=id, at_ms=now_ms, kind=Kind.REOPENED, value=value)
    times = list(
        EpisodeEntry.objects.filter(episode_id=id, kind=Kind.REOPENED)
        .order_by("-at_ms")
        .values_list("at_ms", flat=True)[:at_least]
    )
    episode = Episode.objects.select_for_update().get(pk=id)
    episode.state = State.FIRING
    episode.summary = summary
    episode.reopened += 1
    episode.reopened_ms = now_ms
    episode.flapping = is_flapping(times, now_ms, at_least=at_least)
    episode.resolved_ms, episode.resolved_by = None, ""
    episode.acknowledged_ms, episode.acknowledged_by = None, ""
    episode.evaluated_ms = episode.sampled_ms = now_ms
    episode.held_ms = episode.cleared_ms = 0
    episode.no_data = False
    if value is not None:
        peak = value if episode.peak is None else episode.peak
        episode.value, episode.peak = (
            value,
            min(value, peak) if lower_is_worse else max(value, peak),
        )
    episode.save()


def _opens(intent: Intent, resting: set[tuple[str, str]]) -> bool:
    if not isinstance(intent, Open):
        return False
    return (intent.rule.name, intent.observation.subject[:300]) in resting
