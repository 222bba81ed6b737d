"""From requested items to messages on the broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings

from dashboard.recovery.editing import Edited
from dashboard.recovery.edition_rows import read_editions
from dashboard.recovery.gathering import bounds
from dashboard.recovery.judging import Bounds, refusal
from dashboard.recovery.models import Job
from dashboard.recovery.rows import read_rows
from dashboard.recovery.sending import Put, RedisSender, Sent, entry_fields
from eventscope.stamps import format_ms
from ingest.folds.foreign import without_failure
from ingest.lineage import Lineage, with_lineage
from ingest.models import DeadLetter, Stream
from ingest.queries.opening import Kept, NotAsItWas, open_letter, open_letter_headers

__all__ = ["Published", "Publisher", "Queued", "edition_fields", "message_fields"]

LONGEST_REASON = 200


class Queued(NamedTuple):
    """The columns of an item that sending needs."""

    pk: int
    letter: int
    topic: str
    entity: str


class Published(NamedTuple):
    """``attempt`` is the how-manieth redrive of the event it is."""

    item: Queued
    sent: Sent
    attempt: int = 0


class _Letter(NamedTuple):
    """The columns of a letter that putting it back needs, and the stream where it lies."""

    pk: int
    status: str
    topic: str
    redrives: int
    flags: int
    major: int
    minor: int
    event: bytes
    headers: bytes
    size: int
    stream: Stream


class _Made(NamedTuple):
    """A message to append, or why there is none."""

    refused: str
    attempt: int = 0
    fields: tuple[bytes, ...] = ()


class Publisher:
    """Keeps a connection to each broker. Raises `BrokerAway` from `publish`."""

    def __init__(self) -> None:
        self._senders: dict[str, RedisSender] = {}

    def publish(self, job: Job, items: Sequence[Queued], *, now_ms: int) -> list[Published]:
        """Append the events of ``items``; each letter is looked at once more before.

        Nothing is noted here. What had been appended by an earlier call is not appended again.
        """
        letters = _read_letters([item.letter for item in items])
        editions = read_editions(job, letters)
        limits = bounds()
        results: list[Published] = []
        puts: dict[str, list[tuple[Published, Put]]] = {}
        for item in items:
            letter = letters.get(item.letter)
            made = _make(job, letter, editions.get(item.letter), limits, now_ms)
            published = Published(item, Sent("", refused=made.refused), made.attempt)
            if letter is None or made.refused:
                results.append(published)
            else:
                put = Put(job.redrive_id(item.letter), item.topic, made.fields)
                puts.setdefault(letter.stream.broker, []).append((published, put))
        for broker, chosen in puts.items():
            sent = self._sender(broker).send([put for _, put in chosen])
            pairs = zip(chosen, sent, strict=True)
            results += [published._replace(sent=one) for (published, _), one in pairs]
        return results

    def close(self) -> None:
        for sender in self._senders.values():
            sender.close()
        self._senders.clear()

    def _sender(self, broker: str) -> RedisSender:
        if broker not in self._senders:
            self._senders[broker] = RedisSender(settings.INGEST.brokers[broker].url)
        return self._senders[broker]


def message_fields(letter: Kept, lineage: Lineage) -> tuple[bytes, ...]:
    """The entry that puts ``letter``'s event back as it was, with its lineage. Raises `NotAsItWas`."""
    headers = without_failure(open_letter_headers(letter))
    message = with_lineage(open_letter(letter), headers, lineage)
    return entry_fields(message.body, message.headers)


def _read_letters(ids: Sequence[int]) -> dict[int, _Letter]:
    streams = Stream.objects.in_bulk()
    rows = read_rows(DeadLetter, _Letter._fields[1:], ids)
    return {pk: _Letter(pk, *values, streams[stream]) for pk, *values, stream in rows}


def edition_fields(edited: Edited, lineage: Lineage) -> tuple[bytes, ...]:
    """The entry of an edited event."""
    message = with_lineage(edited.body, edited.headers, lineage)
    return entry_fields(message.body, message.headers)


def _make(
    job: Job, letter: _Letter | None, edited: Edited | None, limits: Bounds, now_ms: int
) -> _Made:
    if letter is None:
        return _Made("gone")
    reason = refusal(letter, broker=letter.stream.broker, busy=False, bounds=limits)
    if reason:
        return _Made(reason)
    attempt = letter.redrives + 1
    lineage = Lineage(
        job.redrive_id(letter.pk),
        attempt,
        job.created_by,
        format_ms(now_ms),
        edited=edited is not None,
    )
    if edited is not None:
        return _Made("", attempt, edition_fields(edited, lineage))
    try:
        return _Made("", attempt, message_fields(letter, lineage))
    except NotAsItWas as error:
        return _Made(str(error)[:LONGEST_REASON])
