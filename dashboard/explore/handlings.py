"""What consumers did with events: receipts and dead letters as one kind of thing, read in one go."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dashboard.explore.story import Handling
from ingest.models import DeadLetter
from ingest.queries.receipts import receipts_for
from ingest.system import Receipt
from ingest.timestamps import parse_ms

__all__ = [
    "dead_letters_of",
    "from_dead_letter",
    "from_receipt",
    "join",
    "read_handlings",
    "with_dead_letters",
]

CHUNK = 500


def read_handlings(
    event_ids: Collection[str], *, since_ms: int | None
) -> dict[str, list[Handling]]:
    """All handlings of each of ``event_ids`` that has any.

    ``since_ms`` is when the oldest of the events was appended.
    """
    if not event_ids:
        return {}
    return with_dead_letters(receipts_for(list(event_ids), since_ms=since_ms), event_ids)


def with_dead_letters(
    receipts: dict[str, list[Receipt]], event_ids: Collection[str]
) -> dict[str, list[Handling]]:
    """Handlings of each of ``event_ids`` that has any, where the receipts are at hand."""
    return join(receipts, dead_letters_of(event_ids))


def dead_letters_of(event_ids: Collection[str]) -> list[DeadLetter]:
    """Dead letters of these events, oldest first; without their bytes."""
    ids = list(event_ids)
    found: list[DeadLetter] = []
    for first in range(0, len(ids), CHUNK):
        chosen = DeadLetter.objects.filter(event_id__in=ids[first : first + CHUNK])
        found += chosen.defer("event", "headers").order_by("received_ms", "id")
    return found


def join(
    receipts: dict[str, list[Receipt]], dead_letters: Iterable[DeadLetter]
) -> dict[str, list[Handling]]:
    """Receipts as handlings, and every dead letter that no receipt tells of. Pure."""
    found = {
        event_id: [from_receipt(event_id, receipt) for receipt in told]
        for event_id, told in receipts.items()
        if told
    }
    for letter in dead_letters:
        known = found.setdefault(letter.event_id, [])
        told = any(
            handling.outcome == "dead_lettered"
            and letter.consumer in ("", handling.consumer, handling.group)
            for handling in known
        )
        if not told and letter.status != DeadLetter.Status.RESOLVED:
            known.append(from_dead_letter(letter))
    return found


def from_receipt(event_id: str, receipt: Receipt) -> Handling:
    error = receipt.error
    return Handling(
        event_id=event_id,
        consumer=receipt.consumer,
        outcome=receipt.outcome,
        group=receipt.consumer_group,
        instance=receipt.instance,
        event_type=receipt.event_type,
        topic=receipt.topic,
        partition=receipt.partition,
        offset=str(receipt.offset),
        correlation_id=receipt.correlation_id,
        attempt=receipt.attempt,
        max_attempts=receipt.max_attempts,
        produced_ms=parse_ms(receipt.produced_at),
        started_ms=parse_ms(receipt.started_at),
        ended_ms=parse_ms(receipt.ended_at),
        duration_ms=receipt.duration_ms,
        error_type=error.type if error else "",
        error_message=error.message if error else "",
        error_stack=error.stack if error else "",
    )


def from_dead_letter(letter: DeadLetter) -> Handling:
    at = letter.last_failed_ms or letter.received_ms
    return Handling(
        event_id=letter.event_id,
        consumer=letter.consumer or letter.consumer_group or "unknown consumer",
        outcome="dead_lettered",
        group=letter.consumer_group,
        event_type=letter.event_type,
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        correlation_id=letter.correlation_id,
        attempt=letter.attempts,
        started_ms=at,
        ended_ms=at,
        error_type=letter.error_type,
        error_message=letter.error_message,
        error_stack=letter.error_stack,
    )
