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
from dashboard.recovery.sending import Put, RedisSender, Sender, Sent
from eventscope.stamps import format_ms
from ingest.folds.foreign import without_failure
from ingest.lineage import Lineage, Message, with_lineage
from ingest.models import DeadLetter, Stream
from ingest.options import BrokerOptions
from ingest.queries.opening import Kept, NotAsItWas, open_letter, open_letter_headers

__all__ = ["Published", "Publisher", "Queued", "original_message"]

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
    partition: int
    offset: str
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
    message: Message = Message(b"", ())


class Publisher:
    """Keeps a connection to each broker. Raises `BrokerAway` from `publish`."""

    def __init__(self) -> None:
        self._senders: dict[str, Sender] = {}

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
                name, message = job.redrive_id(item.letter), made.message
                put = Put(name, item.topic, message.body, message.headers, _partition(letter, item))
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

    def _sender(self, broker: str) -> Sender:
        if broker not in self._senders:
            self._senders[broker] = _open_sender(settings.INGEST.brokers[broker])
        return self._senders[broker]


def _open_sender(options: BrokerOptions) -> Sender:
    if options.type == "redis":
        return RedisSender(options.url)
    from dashboard.recovery.kafka_sending import KafkaSender  # its library only where it is used

    return KafkaSender(options)


def original_message(letter: Kept, lineage: Lineage) -> Message:
    """What puts ``letter``'s event back as it was, with its lineage. Raises `NotAsItWas`."""
    headers = without_failure(open_letter_headers(letter))
    return with_lineage(open_letter(letter), headers, lineage)


def _partition(letter: _Letter, item: Queued) -> int | None:
    """A letter that tells the offset of its event tells the partition too."""
    return letter.partition if letter.offset and item.topic == letter.topic else None


def _read_letters(ids: Sequence[int]) -> dict[int, _Letter]:
    streams = Stream.objects.in_bulk()
    rows = read_rows(DeadLetter, _Letter._fields[1:], ids)
    return {pk: _Letter(pk, *values, streams[stream]) for pk, *values, stream in rows}


def _make(
    job: Job, letter: _Letter | None, edited: Edited | None, limits: Bounds, now_ms: int
) -> _Made:
    if letter is None:
        return _Made("gone")
    reason = refusal(letter, broker=letter.stream.broker, busy=False, bounds=limits)
    if reason:
        return _Made(reason)
    if edited is None and job.kind == Job.Kind.EDIT:
        return _Made("locked")
    attempt = letter.redrives + 1
    lineage = Lineage(
        job.redrive_id(letter.pk),
        attempt,
        job.created_by,
        format_ms(now_ms),
        edited=edited is not None,
    )
    if edited is not None:
        return _Made("", attempt, with_lineage(edited.body, edited.headers, lineage))
    try:
        return _Made("", attempt, original_message(letter, lineage))
    except NotAsItWas as error:
        return _Made(str(error)[:LONGEST_REASON])
