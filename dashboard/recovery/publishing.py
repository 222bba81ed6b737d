"""From requested items to messages on the broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings

from dashboard.recovery.gathering import bounds, brokers_of_streams
from dashboard.recovery.judging import refusal
from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.sending import Put, RedisSender, Sent, entry_fields
from eventscope.stamps import format_ms
from ingest.folds.foreign import header_pairs, without_failure
from ingest.lineage import Lineage, with_lineage
from ingest.models import DeadLetter

__all__ = ["Published", "Publisher", "message_fields"]


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
        letters = DeadLetter.objects.in_bulk([item.letter for item in items])
        brokers, limits = brokers_of_streams(letters.values()), bounds()
        results: list[Published] = []
        puts: dict[str, list[tuple[JobItem, Put]]] = {}
        for item in items:
            letter = letters.get(item.letter)
            broker = brokers[letter.stream_id] if letter else ""
            reason = refusal(letter, broker=broker, busy=False, bounds=limits) if letter else "gone"
            if letter is None or reason:
                results.append(Published(item, Sent("", refused=reason)))
                continue
            item.attempt = letter.redrives + 1
            fields = message_fields(letter, _lineage(job, item, now_ms))
            name = job.redrive_id(item.letter)
            puts.setdefault(broker, []).append((item, Put(name, item.topic, fields)))
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
    """The entry that puts ``letter``'s event back as it was, with its lineage."""
    headers = without_failure(header_pairs(bytes(letter.headers)))
    message = with_lineage(bytes(letter.event), headers, lineage)
    return entry_fields(message.body, message.headers)


def _lineage(job: Job, item: JobItem, now_ms: int) -> Lineage:
    return Lineage(job.redrive_id(item.letter), item.attempt, job.created_by, format_ms(now_ms))
