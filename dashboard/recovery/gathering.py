"""From a selection to items, a chunk at a time; where it stands is kept with the chunk."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db import transaction

from dashboard.recovery.entities import entity_of
from dashboard.recovery.judging import Bounds, refusal
from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.selection import Selection, select_letters
from ingest.models import DeadLetter, Stream

__all__ = ["CHUNK", "bounds", "brokers_of_streams", "busy_letters", "gather_chunk", "refusal_of"]

CHUNK = 1000


def gather_chunk(job: Job, *, now_ms: int) -> int:
    """Make items of the next letters; 0 when all have theirs. Safe to repeat after a kill."""
    rows = select_letters(Selection.read(job.selection), until=job.newest_letter)
    rows = rows.filter(pk__gt=job.gathered_until).order_by("pk")
    letters = list(
        (rows if job.in_order else rows.defer("event", "headers", "error_stack"))[:CHUNK]
    )
    with transaction.atomic():
        JobItem.objects.bulk_create(_items(job, letters, now_ms))
        job.gathered = len(letters) < CHUNK
        job.gathered_until = letters[-1].pk if letters else job.gathered_until
        job.save(update_fields=["gathered", "gathered_until"])
    return len(letters)


def bounds() -> Bounds:
    brokers = {name: broker.type for name, broker in settings.INGEST.brokers.items()}
    return Bounds(settings.DASHBOARD.dead_letters.max_redrives, brokers)


def brokers_of_streams(letters: Iterable[DeadLetter]) -> dict[int, str]:
    """Stream id → broker, of the dead-letter topics that ``letters`` stood on."""
    ids = {letter.stream_id for letter in letters}
    return dict(Stream.objects.filter(pk__in=ids).values_list("pk", "broker"))


def busy_letters(letters: Iterable[int]) -> set[int]:
    """Those of ``letters`` that some job has in hand."""
    held = JobItem.objects.filter(letter__in=list(letters), state__in=JobItem.HOLDING)
    return set(held.values_list("letter", flat=True))


def _items(job: Job, letters: list[DeadLetter], now_ms: int) -> list[JobItem]:
    brokers, busy = brokers_of_streams(letters), busy_letters(letter.pk for letter in letters)
    limits = bounds()
    items = []
    for letter in letters:
        reason = refusal_of(
            job.kind,
            letter,
            broker=brokers[letter.stream_id],
            busy=letter.pk in busy,
            limits=limits,
        )
        items.append(
            JobItem(
                job=job,
                letter=letter.pk,
                event_id=letter.event_id,
                event_type=letter.event_type,
                topic=letter.topic,
                consumer=letter.consumer,
                consumer_group=letter.consumer_group,
                entity=str(entity_of(letter)) if job.in_order else "",
                state=JobItem.State.SKIPPED if reason else JobItem.State.REQUESTED,
                reason=reason,
                ended_ms=now_ms if reason else None,
            )
        )
    return items


def refusal_of(kind: str, letter: DeadLetter, *, broker: str, busy: bool, limits: Bounds) -> str:
    """Why a job of ``kind`` leaves ``letter`` out, "" if it does not. Pure."""
    if kind == Job.Kind.REDRIVE:
        return refusal(letter, broker=broker, busy=busy, bounds=limits)
    not_open = letter.status != DeadLetter.Status.OPEN
    return str(letter.status) if not_open else "busy" if busy else ""
