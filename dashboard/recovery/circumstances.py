"""What surrounds one dead letter: its attempts, its story, what else went wrong then, the last success."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from dashboard.differences import Difference, difference
from dashboard.recovery.asking import NO_FAILURE
from dashboard.recovery.models import JobItem
from ingest.envelopes import stored_id
from ingest.models import DeadLetter
from ingest.queries.events import EventView, find_correlation, list_events
from ingest.queries.letters import neighbours_of
from ingest.queries.moments import Beyond, StateThen, breakers_at, health_at, letters_beside
from ingest.queries.receipts import receipts_for
from ingest.store.base import EventFilter
from ingest.store.globs import is_pattern
from ingest.system import Receipt
from ingest.timestamps import parse_ms

__all__ = [
    "Attempt",
    "Circumstances",
    "LastSuccess",
    "attempts_of",
    "payload_of",
    "read_circumstances",
]

MINUTE_MS = 60_000
HEALTH_MS = 5 * MINUTE_MS
LATELY_MS = 10 * MINUTE_MS
STORY = 40
TRIED = 20
"""Events of the type that are looked at for one that succeeded."""
CHANGES = 40
LINEAGE = 50
SHOWN_GROUPS = 6


class Attempt(NamedTuple):
    consumer: str
    instance: str
    attempt: int
    most: int | None
    started_ms: int | None
    duration_ms: float | None
    outcome: str
    error: str


class LastSuccess(NamedTuple):
    """The event of the same type that the consumer handled last before, and what this one has otherwise."""

    event: EventView
    changes: Difference


class Circumstances(NamedTuple):
    attempts: list[Attempt]
    story: list[EventView]
    beside: Beyond
    groups: list[Any]
    breakers: list[StateThen]
    health: list[StateThen]
    calm: int
    success: LastSuccess | None
    newer: DeadLetter | None
    older: DeadLetter | None
    letters: list[DeadLetter]
    items: list[JobItem]
    failure: str


def read_circumstances(letter: DeadLetter, original: Any) -> Circumstances:
    """``original`` is the letter's event as JSON, None if it is none."""
    at_ms = letter.last_failed_ms or letter.received_ms
    breakers, health = breakers_at(at_ms), health_at(at_ms, within_ms=HEALTH_MS)
    unwell = [one for one in health if one.state != "healthy"]
    moved = [one for one in breakers if one.state != "closed" or at_ms - one.since_ms < LATELY_MS]
    beside = letters_beside(letter, within_ms=MINUTE_MS)
    newer, older = neighbours_of(letter, (letter.fingerprint,))
    told = receipts_for([stored_id(letter.event_id)]).get(stored_id(letter.event_id), [])
    letters = DeadLetter.objects.filter(event_id=letter.event_id).defer("event", "headers")
    return Circumstances(
        attempts=attempts_of(told),
        story=_story(letter),
        beside=beside,
        groups=beside.groups[:SHOWN_GROUPS],
        breakers=moved,
        health=unwell,
        calm=len(breakers) + len(health) - len(moved) - len(unwell),
        success=_last_success(letter, original, at_ms),
        newer=newer,
        older=older,
        letters=list(letters.order_by("received_ms", "pk")[:LINEAGE]),
        items=list(
            JobItem.objects.filter(event_id=letter.event_id)
            .select_related("job")
            .order_by("pk")[:LINEAGE]
        ),
        failure=letter.fingerprint or NO_FAILURE,
    )


def attempts_of(receipts: Iterable[Receipt]) -> list[Attempt]:
    """Receipts of one event as attempts, in the order of time. Pure."""
    found = [
        Attempt(
            consumer=receipt.consumer or receipt.consumer_group,
            instance=receipt.instance,
            attempt=receipt.attempt,
            most=receipt.max_attempts,
            started_ms=parse_ms(receipt.started_at),
            duration_ms=receipt.duration_ms,
            outcome=receipt.outcome,
            error=": ".join(part for part in (receipt.error.type, receipt.error.message) if part)
            if receipt.error
            else "",
        )
        for receipt in receipts
    ]
    return sorted(found, key=lambda one: (one.started_ms or 0, one.consumer, one.attempt))


def payload_of(event: Any) -> Any:
    """What an event tells, without its envelope: native or CloudEvents; else all of it. Pure."""
    if isinstance(event, dict):
        for name in ("payload", "data"):
            if name in event:
                return event[name]
    return event


def _story(letter: DeadLetter) -> list[EventView]:
    """The beginning of its correlation, without what systems tell of it."""
    if not letter.correlation_id:
        return []
    found = find_correlation(letter.correlation_id, limit=4 * STORY)
    return [event for event in found if event.detail is None][:STORY]


def _last_success(letter: DeadLetter, original: Any, at_ms: int) -> LastSuccess | None:
    """Among the newest events of the type before, else of all: one that the consumer handled well."""
    if original is None or not letter.event_type or is_pattern(letter.event_type):
        return None
    for until_ms in (at_ms, None):
        where = EventFilter(types=(letter.event_type,), until_ms=until_ms)
        events = list_events(where, limit=TRIED).events
        event = _handled_well([one for one in events if one.event_id != letter.event_id], letter)
        if event is not None:
            changes = difference(event.payload, payload_of(original), most=CHANGES)
            return LastSuccess(event, changes)
    return None


def _handled_well(events: Sequence[EventView], letter: DeadLetter) -> EventView | None:
    if not events:
        return None
    since_ms = min(event.appended_ms for event in events)
    told = receipts_for([event.event_id for event in events], since_ms=since_ms)
    for event in events:
        for receipt in told.get(event.event_id, ()):
            if receipt.outcome == "success" and _same_consumer(receipt, letter):
                return event
    return None


def _same_consumer(receipt: Receipt, letter: DeadLetter) -> bool:
    named = ((letter.consumer, receipt.consumer), (letter.consumer_group, receipt.consumer_group))
    return not any(wanted for wanted, _ in named) or any(
        wanted and wanted == told for wanted, told in named
    )
