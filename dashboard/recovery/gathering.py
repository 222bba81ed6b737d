"""From a selection to items, a chunk at a time; where it stands is kept with the chunk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from dashboard.recovery.deeds import taken_by
from dashboard.recovery.edition_rows import read_editions
from dashboard.recovery.entities import entity_of
from dashboard.recovery.judging import Bounds, Judged, refusal
from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.rows import insert_rows
from dashboard.recovery.selection import Selection, select_letters
from ingest.models import DeadLetter, Stream

__all__ = ["CHUNK", "bounds", "busy_letters", "gather_chunk", "refusal_of"]

CHUNK = 1000


class _Chosen(NamedTuple):
    """The columns of a letter that an item is made of."""

    pk: int
    status: str
    event_id: str
    event_type: str
    topic: str
    consumer: str
    consumer_group: str
    stream_id: int
    redrives: int
    flags: int


def gather_chunk(job: Job, *, now_ms: int) -> int:
    """Make items of the next letters; 0 when all have theirs. Safe to repeat after a kill."""
    rows = select_letters(Selection.read(job.selection), until=job.newest_letter)
    rows = rows.filter(pk__gt=job.gathered_until).order_by("pk")
    letters = [_Chosen(*row) for row in rows.values_list(*_Chosen._fields)[:CHUNK]]
    with transaction.atomic():
        insert_rows(JobItem, _COLUMNS, _items(job, letters, now_ms))
        job.gathered = len(letters) < CHUNK
        job.gathered_until = letters[-1].pk if letters else job.gathered_until
        job.save(update_fields=["gathered", "gathered_until"])
    return len(letters)


def bounds() -> Bounds:
    brokers = {name: broker.type for name, broker in settings.INGEST.brokers.items()}
    return Bounds(settings.DASHBOARD.dead_letters.max_redrives, brokers)


def busy_letters(letters: Iterable[int]) -> set[int]:
    """Those of ``letters`` that some job has in hand."""
    held = JobItem.objects.filter(letter__in=list(letters), state__in=JobItem.HOLDING)
    return set(held.values_list("letter", flat=True))


def refusal_of(kind: str, letter: Judged, *, broker: str, busy: bool, limits: Bounds) -> str:
    """Why a job of ``kind`` leaves ``letter`` out, "" if it does not. Pure."""
    if kind in Job.SENDING:
        return refusal(letter, broker=broker, busy=busy, bounds=limits)
    if letter.status not in taken_by(kind):
        return str(letter.status)
    return "busy" if busy else ""


_COLUMNS = (
    "job",
    "letter",
    "event_id",
    "event_type",
    "topic",
    "consumer",
    "consumer_group",
    "entity",
    "state",
    "reason",
    "ended_ms",
    "canary",
    "attempt",
    "position",
    "repeated",
)
_UNSENT = (False, 0, "", False)


def _items(job: Job, letters: list[_Chosen], now_ms: int) -> Iterable[tuple[object, ...]]:
    brokers = dict(Stream.objects.values_list("pk", "broker"))
    busy = busy_letters(letter.pk for letter in letters)
    entities = _entities(letters) if job.in_order else {}
    limits = bounds()
    editions = read_editions(job, [letter.pk for letter in letters])
    for one in letters:
        broker = brokers[one.stream_id]
        reason = refusal_of(job.kind, one, broker=broker, busy=one.pk in busy, limits=limits)
        state = JobItem.State.SKIPPED if reason else JobItem.State.REQUESTED
        edition = editions.get(one.pk)
        event = (edition.event_id, edition.event_type[:200]) if edition else one[2:4]
        # Where it is redirected to, whoever handles it answers.
        whose = ("", "") if job.topic else (one.consumer, one.consumer_group)
        names = (*event, job.topic or one.topic, *whose)
        verdict = (state.value, reason, now_ms if reason else None)
        yield (job.pk, one.pk, *names, entities.get(one.pk, ""), *verdict, *_UNSENT)


def _entities(letters: list[_Chosen]) -> dict[int, str]:
    """Read from the events themselves, which is why only jobs that go in order ask."""
    rows = DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters])
    return {letter.pk: str(entity_of(letter)) for letter in rows.iterator()}
