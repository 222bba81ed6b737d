"""Whether what is heard of a sent event amounts to a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dashboard.recovery.models import JobItem
from ingest.envelopes import stored_id
from ingest.queries.receipts import receipts_for
from ingest.system import Receipt
from ingest.timestamps import parse_ms

__all__ = [
    "ASKED",
    "QUIET_MS",
    "SLACK_MS",
    "Followed",
    "Verdicts",
    "answers",
    "read_receipts",
    "verdict_of_receipts",
]

ASKED = 200
QUIET_MS = 30_000
SLACK_MS = 5_000
_BAD = ("failed", "dead_lettered")

State = JobItem.State


class Followed(NamedTuple):
    """The columns of an item that following needs."""

    pk: int
    letter: int
    event_id: str
    topic: str
    consumer: str
    consumer_group: str
    position: str
    sent_ms: int | None
    state: str

    def quiet_ms(self, now_ms: int) -> int:
        """For how long nothing was heard of it."""
        return now_ms - (self.sent_ms or 0)


Verdicts = dict[int, str]
"""Item → state, of those that something is known of."""


def verdict_of_receipts(item: Followed, receipts: Iterable[Receipt]) -> str:
    """What the receipts of the item's event since it was sent amount to: "" while nothing is decided. Pure."""
    outcomes = [receipt.outcome for receipt in receipts if answers(item, receipt)]
    if "success" in outcomes:
        return State.PROCESSED
    return State.FAILED if any(outcome in _BAD for outcome in outcomes) else ""


def answers(item: Followed, receipt: Receipt) -> bool:
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


def read_receipts(items: Sequence[Followed]) -> dict[str, list[Receipt]]:
    """By event id, those from about when the first of ``items`` was sent on."""
    if not items:
        return {}
    since = min(item.sent_ms or 0 for item in items) - SLACK_MS
    return receipts_for({stored_id(item.event_id) for item in items}, since_ms=since)
