"""The items of a job: counting them, choosing the next, noting what was done."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import Count, QuerySet

from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.publishing import Published, Queued
from dashboard.recovery.rows import update_rows
from dashboard.recovery.steps import Counts
from dashboard.recovery.surroundings import Target

__all__ = [
    "count_items",
    "give_up",
    "last_canary_ms",
    "next_items",
    "note_published",
    "requested",
    "targets",
]

AHEAD = 4
State = JobItem.State
PUBLISHED, SKIPPED = State.PUBLISHED.value, State.SKIPPED.value


def count_items(job: Job) -> Counts:
    """One query over an index."""
    rows = JobItem.objects.filter(job=job).values_list("state").annotate(n=Count("pk")).order_by()
    return Counts(**{str(state): n for state, n in rows})


def targets(job: Job) -> set[Target]:
    """Who is to handle what is not sent yet."""
    rows = JobItem.objects.filter(job=job, state=State.REQUESTED)
    return {Target(*row) for row in rows.values_list("consumer", "consumer_group").distinct()}


def requested(job: Job, blocked: Collection[Target]) -> QuerySet[JobItem]:
    """What can go now."""
    rows = JobItem.objects.filter(job=job, state=State.REQUESTED)
    for target in blocked:
        rows = rows.exclude(consumer=target.consumer, consumer_group=target.group)
    return rows


def next_items(job: Job, most: int, blocked: Collection[Target]) -> list[Queued]:
    """The oldest letters first; in order, none whose entity has an earlier one under way."""
    rows = requested(job, blocked).order_by("pk").values_list(*Queued._fields)
    chosen = [Queued(*row) for row in rows[: most * AHEAD if job.in_order else most]]
    return _in_order(job, chosen, most) if job.in_order else chosen


def last_canary_ms(job: Job, default: int) -> int:
    sent = JobItem.objects.filter(job=job, canary=True, sent_ms__isnull=False)
    return sent.order_by("-sent_ms").values_list("sent_ms", flat=True).first() or default


def give_up(job: Job, now_ms: int) -> None:
    """Cancel what is not sent yet."""
    rows = JobItem.objects.filter(job=job, state=State.REQUESTED)
    rows.update(state=State.CANCELLED, ended_ms=now_ms)


def note_published(
    counts: Counts, published: Sequence[Published], *, canary: bool, now_ms: int
) -> Counts:
    """Keep where each went or why not; the counts after it."""
    done = [one for one in published if not one.sent.refused]
    refused = [one for one in published if one.sent.refused]
    update_rows(
        JobItem,
        ("state", "position", "repeated", "attempt", "canary", "sent_ms"),
        [
            (PUBLISHED, sent.position, sent.repeated, attempt, canary, now_ms, item.pk)
            for item, sent, attempt in done
        ],
    )
    update_rows(
        JobItem,
        ("state", "reason", "ended_ms"),
        [(SKIPPED, one.sent.refused, now_ms, one.item.pk) for one in refused],
    )
    return counts._replace(
        requested=counts.requested - len(published),
        published=counts.published + len(done),
        skipped=counts.skipped + len(refused),
    )


def _in_order(job: Job, rows: Sequence[Queued], most: int) -> list[Queued]:
    """The first of each entity that has none under way; after one that failed, the later ones are left out."""
    told = JobItem.objects.filter(job=job, entity__in={item.entity for item in rows})
    states: dict[str, set[str]] = {}
    for entity, state in told.values_list("entity", "state"):
        states.setdefault(entity, set()).add(state)
    chosen: dict[str, Queued] = {}
    late = []
    for item in rows:
        known = states[item.entity]
        if known & {State.FAILED, State.UNKNOWN}:
            late.append(item.pk)
        elif State.PUBLISHED not in known:
            chosen.setdefault(item.entity, item)
    JobItem.objects.filter(pk__in=late).update(state=State.SKIPPED, reason="earlier_failed")
    return list(chosen.values())[:most]
