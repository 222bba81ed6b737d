"""What is older than the configuration keeps is deleted, in small steps between which others write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from ingest.folds.health_history import DAY_S, HOUR_S
from ingest.letter_counts import STATUSES
from ingest.models import (
    Breaker,
    BreakerSample,
    BreakerTransition,
    ConsumerGroup,
    DeadLetter,
    EventSchema,
    FlowCount,
    Gap,
    HealthComponent,
    HealthPeriod,
    HealthResult,
    HealthSpan,
    HealthStanding,
    LetterCell,
    LetterHour,
    MetricPiece,
    QuarantinedMessage,
    ServiceEvent,
    ServiceInstance,
    TracePiece,
)
from ingest.options import RetentionOptions
from ingest.store.base import EventStore

__all__ = ["Deleted", "events_border", "purge_expired"]

EVENTS = "events"
STEP_ROWS = 1_000
NUMBERS_MS = 7 * 86_400_000
"""As far back as the charts of a breaker go."""
HOURS_MS = 31 * 86_400_000
"""Hours of health are shown for a month; further back days tell enough."""


class Deleted(NamedTuple):
    """One step: ``rows`` of a kind, and the bytes they took where that is known."""

    kind: str
    rows: int
    size: int = 0


def purge_expired(
    store: EventStore, options: RetentionOptions, *, now_ms: int
) -> Iterator[Deleted]:
    """Delete what has passed its time; each step a short transaction, told when it is done.

    Stop between steps as you like: the next call goes on. Space freed in SQLite is used again by
    what is stored next; the file itself does not shrink.
    """
    border = events_border(store, options, now_ms=now_ms)
    while (purged := store.purge(before_ms=border)).blocks:
        yield Deleted("events", purged.events, purged.size)
    for kind, rows in _expired(options, now_ms):
        while deleted := _delete_some(rows):
            yield Deleted(kind, deleted)


def events_border(store: EventStore, options: RetentionOptions, *, now_ms: int) -> int:
    """Events are kept from this moment on: by age, and by bytes where those are limited."""
    border = _before(now_ms, options.events)
    if not options.max_bytes:
        return border
    return store.kept_since(border, max_bytes=options.max_bytes)


def _expired(options: RetentionOptions, now_ms: int) -> Iterator[tuple[str, QuerySet]]:  # type: ignore[type-arg]
    events = _before(now_ms, options.events)
    hours = _before(now_ms, options.metrics.hour)
    kept = {1: options.metrics.second, 60: options.metrics.minute, 3600: options.metrics.hour}
    for resolution, seconds in kept.items():
        pieces = MetricPiece.objects.filter(
            resolution=resolution, bucket_ms__lt=_before(now_ms, seconds)
        )
        yield f"metrics of {resolution} s", pieces
    quarantine = _before(now_ms, options.quarantine)
    yield "quarantined", QuarantinedMessage.objects.filter(appended_ms__lt=quarantine)
    letters = _before(now_ms, options.dead_letters)
    not_archived = DeadLetter.objects.filter(archived_ms=None)
    yield "dead letters", not_archived.filter(received_ms__lt=letters)
    archived = _before(now_ms, options.archived_letters)
    yield (
        "archived letters",
        DeadLetter.objects.filter(status=DeadLetter.Status.ARCHIVED, archived_ms__lt=archived),
    )
    yield "hours of letters", LetterHour.objects.filter(hour_ms__lt=min(hours, letters))
    yield "failures", _failures_gone(min(hours, letters))
    yield "health results", HealthResult.objects.filter(at_ms__lt=events)
    yield from _health_history(options, now_ms)
    yield (
        "breaker numbers",
        BreakerSample.objects.filter(at_ms__lt=max(events, now_ms - NUMBERS_MS)),
    )
    yield "breaker transitions", BreakerTransition.objects.filter(at_ms__lt=events)
    yield "service events", ServiceEvent.objects.filter(at_ms__lt=events)
    yield "components", HealthComponent.objects.filter(seen_ms__lt=events)
    yield "breakers", _breakers_gone(events)
    yield "instances", ServiceInstance.objects.filter(seen_ms__lt=events)
    yield "consumer groups", ConsumerGroup.objects.filter(sampled_ms__lt=events)
    yield "traces", TracePiece.objects.filter(newest_ms__lt=events)
    yield "flows", FlowCount.objects.filter(day__lt=events // 86_400_000)
    yield "schemas", EventSchema.objects.filter(seen_ms__lt=hours)
    yield "gaps", Gap.objects.filter(until_ms__lt=hours)


def _health_history(options: RetentionOptions, now_ms: int) -> Iterator[tuple[str, QuerySet]]:  # type: ignore[type-arg]
    """Days as long as the history is kept, hours of it as far as a chart shows them."""
    kept = _before(now_ms, options.health)
    yield "health spans", HealthSpan.objects.filter(until_ms__lt=kept)
    yield (
        "health hours",
        HealthPeriod.objects.filter(
            seconds=HOUR_S, begin_ms__lt=max(kept, now_ms - HOURS_MS) - HOUR_S * 1000
        ),
    )
    yield (
        "health days",
        HealthPeriod.objects.filter(seconds=DAY_S, begin_ms__lt=kept - DAY_S * 1000),
    )
    yield "standings", HealthStanding.objects.filter(seen_ms__lt=kept)


def _failures_gone(before_ms: int) -> QuerySet[LetterCell]:
    """What is known of a failure outlives its letters as long as anything is known of its time."""
    empty = dict.fromkeys(STATUSES, 0)
    return LetterCell.objects.filter(last_ms__lt=before_ms, **empty)


def _breakers_gone(before_ms: int) -> QuerySet[Breaker]:
    """A breaker tells only when it changes: it is kept as long as its instance is heard of."""
    heard = ServiceInstance.objects.filter(
        service=OuterRef("service"), instance=OuterRef("instance"), seen_ms__gte=before_ms
    )
    return Breaker.objects.filter(~Exists(heard), seen_ms__lt=before_ms)


def _before(now_ms: int, seconds: float) -> int:
    return now_ms - int(seconds * 1000)


def _delete_some(rows: QuerySet) -> int:  # type: ignore[type-arg]
    with transaction.atomic(using=EVENTS):
        ids = list(rows.values_list("pk", flat=True)[:STEP_ROWS])
        deleted, _ = rows.model._default_manager.filter(pk__in=ids).delete()
    return int(deleted)
