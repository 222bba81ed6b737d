"""What became of events that were sent otherwise than they had been: edited, or to another topic.

Ingest knows nothing that would close their letters: an edited event is another event, and a redirected one
is another consumer's. So what is heard of the sent event closes the letter here: a success resolves it; the
letter of a new failure stands for it from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dashboard.recovery.models import JobItem
from dashboard.recovery.verdicts import (
    ASKED,
    QUIET_MS,
    SLACK_MS,
    Followed,
    Verdicts,
    read_receipts,
    verdict_of_receipts,
)
from ingest.envelopes import stored_id
from ingest.models import DeadLetter

__all__ = ["close_letters", "verdicts_otherwise"]

State, Status = JobItem.State, DeadLetter.Status


def verdicts_otherwise(items: Sequence[Followed], *, now_ms: int) -> Verdicts:
    """What is known by now of ``items``, and the letters closed by it. Safe to repeat."""
    again = _given_up_again(items)
    verdicts: Verdicts = dict.fromkeys(again, State.FAILED.value)
    waiting = [item for item in items if item.pk not in verdicts][:ASKED]
    told = read_receipts(waiting)
    for item in waiting:
        verdict = verdict_of_receipts(item, told.get(stored_id(item.event_id), ()))
        if verdict == State.PROCESSED or (verdict and item.quiet_ms(now_ms) > QUIET_MS):
            verdicts[item.pk] = verdict
    close_letters(items, verdicts, again)
    return verdicts


def close_letters(items: Iterable[Followed], verdicts: Verdicts, again: set[int]) -> None:
    """An event that failed without a new letter leaves its old one open."""
    done = [item.letter for item in items if verdicts.get(item.pk) == State.PROCESSED]
    stood_for = [item.letter for item in items if item.pk in again]
    for ids, status in ((done, Status.RESOLVED), (stood_for, Status.SUPERSEDED)):
        if ids:
            DeadLetter.objects.filter(pk__in=ids, status=Status.OPEN).update(status=status)


def _given_up_again(items: Sequence[Followed]) -> set[int]:
    """Items whose event has a letter from after it was sent."""
    by_event = {stored_id(item.event_id): item for item in items}
    letters = DeadLetter.objects.filter(event_id__in=by_event)
    return {
        by_event[event_id].pk
        for pk, event_id, received_ms in letters.values_list("pk", "event_id", "received_ms")
        if pk != by_event[event_id].letter
        and received_ms >= (by_event[event_id].sent_ms or 0) - SLACK_MS
    }
