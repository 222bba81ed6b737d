"""What became of the events that were put back, from what ingest sees.

The letter tells most: it is resolved by a success of its consumer, superseded by the letter of a new
failure. Receipts tell of the rest: of canaries, which must be known soon, and of events whose consumer
gives up without a letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from django.db.models import QuerySet

from dashboard.recovery.following import verdicts_otherwise
from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.verdicts import (
    ASKED,
    QUIET_MS,
    Followed,
    Verdicts,
    answers,
    read_receipts,
    verdict_of_receipts,
)
from ingest.envelopes import stored_id
from ingest.models import DeadLetter

__all__ = ["LOOKED_AT", "Tracker"]

LOOKED_AT = 2_000
LATE_MS = 86_400_000
CHUNK = 500

T = TypeVar("T")

State = JobItem.State
_OF_LETTER = {
    DeadLetter.Status.RESOLVED: State.PROCESSED,
    DeadLetter.Status.SUPERSEDED: State.FAILED,
}


class Tracker:
    """Goes round the items of each job, a bounded number a call; remembers where it stands."""

    def __init__(self) -> None:
        self._at: dict[int, int] = {}

    def follow(self, job: Job, *, now_ms: int, timeout_ms: int) -> int:
        """Note what is known by now of the next items of ``job``; how many got a verdict."""
        items = self._next(job.pk, State.PUBLISHED)
        verdicts = _heard(job, items, now_ms)
        for one in items:
            if one.pk not in verdicts and one.quiet_ms(now_ms) > timeout_ms:
                verdicts[one.pk] = State.UNKNOWN
        return _note(verdicts, now_ms)

    def follow_late(self, job: Job, *, now_ms: int) -> int:
        """The same for items that nothing was heard of in time."""
        items = self._next(job.pk, State.UNKNOWN)
        as_they_were = job.kind == Job.Kind.REDRIVE
        verdicts = _by_letters(items) if as_they_were else verdicts_otherwise(items, now_ms=now_ms)
        return _note(verdicts, now_ms)

    def canaries(self, job: Job, *, now_ms: int) -> list[str]:
        """Their states now; one whose consumer retries counts as failed already."""
        items = _read(JobItem.objects.filter(job=job, canary=True))
        waiting = [item for item in items if item.state == State.PUBLISHED]
        verdicts = _heard(job, waiting, now_ms, quiet_ms=0)
        _note(verdicts, now_ms)
        verdicts |= _retried([item for item in waiting if item.pk not in verdicts])
        return [verdicts.get(item.pk, item.state) for item in items]

    def forget(self, job: Job) -> None:
        self._at.pop(job.pk, None)

    def _next(self, job: int, state: str) -> list[Followed]:
        rows = JobItem.objects.filter(job=job, state=state, pk__gt=self._at.get(job, 0))
        found = _read(rows.order_by("pk")[:LOOKED_AT])
        self._at[job] = found[-1].pk if len(found) == LOOKED_AT else 0
        return found


def _heard(job: Job, items: Sequence[Followed], now_ms: int, quiet_ms: int = QUIET_MS) -> Verdicts:
    """What is known by now; receipts are looked at for what was quiet so long."""
    if job.kind != Job.Kind.REDRIVE:
        return verdicts_otherwise(items, now_ms=now_ms)
    verdicts = _by_letters(items)
    quiet = [one for one in items if one.pk not in verdicts and one.quiet_ms(now_ms) > quiet_ms]
    return verdicts | _by_receipts(quiet[:ASKED])


def _read(rows: QuerySet[JobItem]) -> list[Followed]:
    return [Followed(*row) for row in rows.values_list(*Followed._fields)]


def _by_letters(items: Sequence[Followed]) -> Verdicts:
    """By the status that each letter has now."""
    verdicts: Verdicts = {}
    for some in _chunks(items):
        letters = DeadLetter.objects.filter(
            pk__in=[item.letter for item in some], status__in=_OF_LETTER
        )
        told = dict(letters.values_list("pk", "status"))
        verdicts |= {
            item.pk: _OF_LETTER[DeadLetter.Status(told[item.letter])]
            for item in some
            if item.letter in told
        }
    return verdicts


def _by_receipts(items: Sequence[Followed]) -> Verdicts:
    told = read_receipts(items)
    found = {
        item.pk: verdict_of_receipts(item, told.get(stored_id(item.event_id), ())) for item in items
    }
    return {pk: state for pk, state in found.items() if state}


def _retried(items: Sequence[Followed]) -> Verdicts:
    told = read_receipts(items)
    return {
        item.pk: State.FAILED
        for item in items
        if any(
            receipt.outcome == "retry" and answers(item, receipt)
            for receipt in told.get(stored_id(item.event_id), ())
        )
    }


def _note(verdicts: Verdicts, now_ms: int) -> int:
    for state in set(verdicts.values()):
        chosen = [pk for pk, verdict in verdicts.items() if verdict == state]
        for some in _chunks(chosen):
            JobItem.objects.filter(pk__in=some).update(state=state, ended_ms=now_ms)
    return len(verdicts)


def _chunks(rows: Sequence[T]) -> Iterable[Sequence[T]]:
    return (rows[first : first + CHUNK] for first in range(0, len(rows), CHUNK))
