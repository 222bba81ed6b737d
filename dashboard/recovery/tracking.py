"""What became of the events that were put back, from what ingest sees.

The letter tells most: it is resolved by a success of its consumer, superseded by the letter of a new
failure. Receipts tell of the rest: of canaries, which must be known soon, and of events whose consumer
gives up without a letter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from dashboard.recovery.models import Job, JobItem
from ingest.envelopes import stored_id
from ingest.models import DeadLetter
from ingest.queries.receipts import receipts_for
from ingest.system import Receipt
from ingest.timestamps import parse_ms

__all__ = ["LOOKED_AT", "Tracker", "verdict_of_receipts"]

LOOKED_AT = 2_000
ASKED = 200
QUIET_MS = 30_000
LATE_MS = 86_400_000

State = JobItem.State
_OF_LETTER = {
    DeadLetter.Status.RESOLVED: State.PROCESSED,
    DeadLetter.Status.SUPERSEDED: State.FAILED,
}
_BAD = ("failed", "dead_lettered")
_SLACK_MS = 5_000


class Tracker:
    """Goes round the items of each job, a bounded number a call; remembers where it stands."""

    def __init__(self) -> None:
        self._at: dict[int, int] = {}

    def follow(self, job: Job, *, now_ms: int, timeout_ms: int) -> int:
        """Note what is known by now of the next items of ``job``; how many got a verdict."""
        items = self._next(job.pk, (State.PUBLISHED,))
        noted = _by_letters(items, now_ms)
        left = [item for item in items if item.state == State.PUBLISHED]
        noted += _by_receipts(_worth_asking(left, now_ms), now_ms)
        late = [item for item in left if now_ms - (item.sent_ms or 0) > timeout_ms]
        return noted + _note(late, State.UNKNOWN, now_ms)

    def follow_late(self, job: Job, *, now_ms: int) -> int:
        """The same for items that nothing was heard of in time."""
        return _by_letters(self._next(job.pk, (State.UNKNOWN,)), now_ms)

    def canaries(self, job: Job, *, now_ms: int) -> list[str]:
        """Their states now; one whose consumer retries counts as failed already."""
        items = list(JobItem.objects.filter(job=job, canary=True))
        open_ones = [item for item in items if item.state == State.PUBLISHED]
        _by_letters(open_ones, now_ms)
        _by_receipts([item for item in open_ones if item.state == State.PUBLISHED], now_ms)
        retried = _retried([item for item in open_ones if item.state == State.PUBLISHED])
        return [State.FAILED if item.pk in retried else item.state for item in items]

    def forget(self, job: Job) -> None:
        self._at.pop(job.pk, None)

    def _next(self, job: int, states: Collection[str]) -> list[JobItem]:
        rows = JobItem.objects.filter(job=job, state__in=states).order_by("pk")
        found = list(rows.filter(pk__gt=self._at.get(job, 0))[:LOOKED_AT])
        self._at[job] = found[-1].pk if len(found) == LOOKED_AT else 0
        return found


def verdict_of_receipts(item: JobItem, receipts: Iterable[Receipt]) -> str:
    """What the receipts of the item's event since it was sent amount to: "" while nothing is decided. Pure."""
    outcomes = [receipt.outcome for receipt in receipts if _answers(item, receipt)]
    if "success" in outcomes:
        return State.PROCESSED
    return State.FAILED if any(outcome in _BAD for outcome in outcomes) else ""


def _answers(item: JobItem, receipt: Receipt) -> bool:
    """By the consumer that had given it up, of the copy that was sent."""
    named = (item.consumer, receipt.consumer), (item.consumer_group, receipt.consumer_group)
    if any((item.consumer, item.consumer_group)) and not any(
        wanted and wanted == told for wanted, told in named
    ):
        return False
    if str(receipt.offset) == item.position and receipt.topic in ("", item.topic):
        return True
    started = parse_ms(receipt.started_at)
    return not receipt.offset and started is not None and started >= (item.sent_ms or 0)


def _by_letters(items: Sequence[JobItem], now_ms: int) -> int:
    """By the status that each letter has now, 500 a query."""
    noted = 0
    for first in range(0, len(items), 500):
        some = items[first : first + 500]
        told = dict(
            DeadLetter.objects.filter(
                pk__in=[item.letter for item in some], status__in=_OF_LETTER
            ).values_list("pk", "status")
        )
        for status, state in _OF_LETTER.items():
            noted += _note(
                [item for item in some if told.get(item.letter) == status], state, now_ms
            )
    return noted


def _by_receipts(items: Sequence[JobItem], now_ms: int) -> int:
    found = _receipts(items)
    noted = 0
    for state in (State.PROCESSED, State.FAILED):
        heard = [item for item in items if found.get(item.pk) == state]
        noted += _note(heard, state, now_ms)
    return noted


def _receipts(items: Sequence[JobItem]) -> dict[int, str]:
    told = _told(items)
    return {
        item.pk: verdict_of_receipts(item, told.get(stored_id(item.event_id), ())) for item in items
    }


def _retried(items: Sequence[JobItem]) -> set[int]:
    told = _told(items)
    return {
        item.pk
        for item in items
        if any(
            receipt.outcome == "retry" and _answers(item, receipt)
            for receipt in told.get(stored_id(item.event_id), ())
        )
    }


def _told(items: Sequence[JobItem]) -> dict[str, list[Receipt]]:
    if not items:
        return {}
    since = min(item.sent_ms or 0 for item in items) - _SLACK_MS
    return receipts_for({stored_id(item.event_id) for item in items}, since_ms=since)


def _worth_asking(items: Sequence[JobItem], now_ms: int) -> list[JobItem]:
    """Receipts are looked up only for what its letter has not told in a while."""
    return [item for item in items if now_ms - (item.sent_ms or 0) > QUIET_MS][:ASKED]


def _note(items: Sequence[JobItem], state: str, now_ms: int) -> int:
    for first in range(0, len(items), 500):
        some = items[first : first + 500]
        JobItem.objects.filter(pk__in=[item.pk for item in some]).update(
            state=state, ended_ms=now_ms
        )
    for item in items:
        item.state, item.ended_ms = state, now_ms
    return len(items)
