"""What was done to one letter: by whom, when, why. Told by the jobs that had it in hand."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings

from dashboard.recovery.judging import REASONS
from dashboard.recovery.models import JobItem
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


def letter_history(letter: int) -> list[Done]:
    """The newest first; one query."""
    items = JobItem.objects.filter(letter=letter).select_related("job").order_by("-pk")
    return [
        Done(
            at_ms=item.ended_ms or item.sent_ms or item.job.created_ms,
            by=item.job.created_by,
            kind=item.job.kind,
            state=item.state,
            note=item.job.note,
            reason=REASONS.get(item.reason, item.reason),
            job=item.job_id,
        )
        for item in items[:MOST]
    ]


def expires_ms(letter: DeadLetter) -> int:
    """When retention deletes it, as far as is known now."""
    kept = settings.INGEST.retention
    if letter.archived_ms is not None:
        return int(letter.archived_ms + kept.archived_letters * 1000)
    return int(letter.received_ms + kept.dead_letters * 1000)
