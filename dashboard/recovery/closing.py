"""What is done to letters without sending them: discarding, archiving, and taking either back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from dashboard.recovery.deeds import DEEDS
from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.publishing import Queued
from dashboard.recovery.rows import update_rows
from dashboard.recovery.steps import Counts
from ingest.answering import resolve_answered
from ingest.folds.dead_letters import supersedes
from ingest.models import DeadLetter

__all__ = ["carry_out", "stood_in_for"]

State, Status = JobItem.State, DeadLetter.Status
WHOLE = ("event", "headers", "error_stack")


def carry_out(job: Job, counts: Counts, chosen: Sequence[Queued], now_ms: int) -> Counts:
    """Do to ``chosen`` what the job is for, where their letters still stand so; the counts after it.

    To do it again changes nothing: a letter that is so already counts as done. What is restored may
    have been answered meanwhile, when nobody looked at it: then it is resolved, or superseded, at once.
    """
    deed = DEEDS[job.kind]
    rows = DeadLetter.objects.filter(pk__in=[item.letter for item in chosen])
    ready = rows.filter(status__in=deed.takes)
    if job.kind == Job.Kind.RESTORE:
        older = stood_in_for(ready.defer(*WHOLE))
        ready.filter(pk__in=older).update(status=Status.SUPERSEDED, archived_ms=None)
    archived = now_ms if deed.becomes == Status.ARCHIVED else None
    ready.update(status=deed.becomes, archived_ms=archived)
    if job.kind == Job.Kind.RESTORE:
        resolve_answered(list(rows.filter(status=Status.OPEN).defer(*WHOLE)))
    status = dict(rows.values_list("pk", "status"))
    done = [item for item in chosen if status.get(item.letter) == deed.becomes]
    left = [item for item in chosen if status.get(item.letter) != deed.becomes]
    ended: list[tuple[Any, ...]] = [(State.PROCESSED.value, "", now_ms, item.pk) for item in done]
    ended += [
        (State.SKIPPED.value, status.get(item.letter, "gone"), now_ms, item.pk) for item in left
    ]
    update_rows(JobItem, ("state", "reason", "ended_ms"), ended)
    return counts._replace(
        requested=counts.requested - len(chosen),
        processed=counts.processed + len(done),
        skipped=counts.skipped + len(left),
    )


def stood_in_for(letters: Iterable[DeadLetter]) -> Collection[int]:
    """Those of ``letters`` whose event has been given up again since: its newer letter stands for it."""
    older = list(letters)
    ids = {letter.event_id for letter in older}
    newer = DeadLetter.objects.filter(event_id__in=ids, redrives__gt=0)
    by_event: dict[str, list[DeadLetter]] = {}
    for letter in newer.defer(*WHOLE):
        by_event.setdefault(letter.event_id, []).append(letter)
    return [
        letter.pk
        for letter in older
        if any(supersedes(other, letter) for other in by_event.get(letter.event_id, ()))
    ]
