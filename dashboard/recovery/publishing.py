"""From requested items to messages on the broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings

from dashboard.recovery.gathering import bounds
from dashboard.recovery.judging import refusal
from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.sending import Put, RedisSender, Sent, entry_fields
from eventscope.stamps import format_ms
from ingest.folds.foreign import without_failure
from ingest.lineage import Lineage, with_lineage
from ingest.models import DeadLetter
from ingest.queries.opening import NotAsItWas, open_letter, open_letter_headers

__all__ = ["Published", "Publisher", "message_fields"]

LONGEST_REASON = 200


class Published(NamedTuple):
    item: JobItem
    sent: Sent


class Publisher:
    """Keeps a connection to each broker. Raises `BrokerAway` from `publish`."""

    def __init__(self) -> None:
        self._senders: dict[str, RedisSender] = {}

    def publish(self, job: Job, items: Sequence[JobItem], *, now_ms: int) -> list[Published]:
        """Append the events of ``items``; each letter is looked at once more before.

        Nothing is noted here. What had been appended by an earlier call is not appended again.
        """
        letters = DeadLetter.objects.select_related("stream").in_bulk(
            [item.letter for item in items]
        )
        results: list[Published] = []
        puts: dict[str, list[tuple[JobItem, Put]]] = {}
        for item in items:
            letter = letters.get(item.letter)
            reason, fields = _made(job, item, letter, now_ms)
            if letter is None or reason:
                results.append(Published(item, Sent("", refused=reason)))
            else:
                put = Put(job.redrive_id(item.letter), item.topic, fields)
                puts.setdefault(letter.stream.broker, []).append((item, put))
        for broker, chosen in puts.items():
            sent = self._sender(broker).send([put for _, put in chosen])
            results += [Published(item, one) for (item, _), one in zip(chosen, sent, strict=True)]
        return results

    def close(self) -> None:
        for sender in self._senders.values():
            sender.close()
        self._senders.clear()

    def _sender(self, broker: str) -> RedisSender:
        if broker not in self._senders:
            self._senders[broker] = RedisSender(settings.INGEST.brokers[broker].url)
        return self._senders[broker]


def message_fields(letter: DeadLetter, lineage: Lineage) -> tuple[bytes, ...]:
    """The entry that puts ``letter``'s event back as it was, with its lineage. Raises `NotAsItWas`."""
    headers = without_failure(open_letter_headers(letter))
    message = with_lineage(open_letter(letter), headers, lineage)
    return entry_fields(message.body, message.headers)


def _made(
    job: Job, item: JobItem, letter: DeadLetter | None, now_ms: int
) -> tuple[str, tuple[bytes, ...]]:
    """Why the item is left out, or the fields to append."""
    if letter is None:
        return "gone", ()
    reason = refusal(letter, broker=letter.stream.broker, busy=False, bounds=bounds())
    if reason:
        return reason, ()
    item.attempt = letter.redrives + 1
    lineage = Lineage(job.redrive_id(item.letter), item.attempt, job.created_by, format_ms(now_ms))
    try:
        return "", message_fields(letter, lineage)
    except NotAsItWas as error:
        return str(error)[:LONGEST_REASON], ()
