"""What was done to one letter: by whom, when, why. Told by the jobs that had it in hand."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings

from dashboard.recovery.judging import REASONS
from dashboard.recovery.models import Job, JobItem
from ingest.models import DeadLetter

__all__ = ["Done", "expires_ms", "letter_history"]

MOST = 50


class Done(NamedTuple):
    """``state`` is that of the item; ``reason`` says why the letter was left out, if it was."""

    at_ms: int
    by: str
    kind: str
    state: str
    note: str
    reason: str
    job: int
    event_id: str
    again: int | None


def letter_history(letter: int) -> list[Done]:
    """The newest first. ``event_id`` is what was sent, ``again`` the letter of it if it was given up too."""
    items = JobItem.objects.filter(letter=letter).select_related("job").order_by("-pk")
    found = list(items[:MOST])
    again = _letters_of({item.event_id for item in found if item.job.kind == Job.Kind.EDIT})
    return [
        Done(
            at_ms=item.ended_ms or item.sent_ms or item.job.created_ms,
            by=item.job.created_by,
            kind=item.job.kind,
            state=item.state,
            note=item.job.note,
            reason=REASONS.get(item.reason, item.reason),
            job=item.job_id,
            event_id=item.event_id,
            again=again.get(item.event_id),
        )
        for item in found
    ]


def _letters_of(event_ids: set[str]) -> dict[str, int]:
    if not event_ids:
        return {}
    rows = DeadLetter.objects.filter(event_id__in=event_ids).order_by("pk")
    return dict(rows.values_list("event_id", "pk"))


def expires_ms(letter: DeadLetter) -> int:
    """When retention deletes it, as far as is known now."""
    kept = settings.INGEST.retention
    if letter.archived_ms is not None:
        return int(letter.archived_ms + kept.archived_letters * 1000)
    return int(letter.received_ms + kept.dead_letters * 1000)
