"""Dead letters: lists, groups by failure, one with its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from django.db.models import Count, Max, Min, Q, QuerySet

from eventscope.errors import EventscopeError
from ingest.envelopes import stored_id
from ingest.models import DeadLetter

__all__ = [
    "BadCursor",
    "LetterFacets",
    "LetterFilter",
    "LetterGroup",
    "LetterPage",
    "dead_letter_facets",
    "dead_letter_groups",
    "filter_dead_letters",
    "get_dead_letter",
    "list_dead_letters",
    "open_dead_letters",
]

_FACETS = 200


class BadCursor(EventscopeError, ValueError):
    """The page cursor is not one that was given out; begin again at the first page."""


class LetterFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters; several names of one kind are alternatives. Times are of receipt, half-open."""

    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    error_types: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    fingerprint: str = ""
    event_id: str = ""
    correlation_id: str = ""
    since_ms: int | None = None
    until_ms: int | None = None


class LetterPage(NamedTuple):
    """Letters without their bytes (they are read when touched), and the cursor of the next page."""

    letters: list[DeadLetter]
    next: str | None


@dataclass(frozen=True)
class LetterGroup:
    """Letters of one fingerprint; the words are those of the newest."""

    fingerprint: str
    count: int
    open: int
    first_ms: int
    last_ms: int
    newest: DeadLetter


class LetterFacets(NamedTuple):
    """What can be chosen in a filter."""

    types: list[str]
    consumers: list[str]
    error_types: list[str]


def open_dead_letters() -> int:
    return DeadLetter.objects.filter(status=DeadLetter.Status.OPEN).count()


def filter_dead_letters(where: LetterFilter) -> QuerySet[DeadLetter]:
    """Unordered, whole rows: for bulk work by id."""
    named = {
        "status__in": where.statuses,
        "event_type__in": where.types,
        "consumer__in": where.consumers,
        "error_type__in": where.error_types,
        "topic__in": where.topics,
        "fingerprint": where.fingerprint,
        "event_id": stored_id(where.event_id),
        "correlation_id": stored_id(where.correlation_id),
    }
    rows = DeadLetter.objects.filter(**{key: value for key, value in named.items() if value})
    if where.since_ms is not None:
        rows = rows.filter(received_ms__gte=where.since_ms)
    if where.until_ms is not None:
        rows = rows.filter(received_ms__lt=where.until_ms)
    return rows


def list_dead_letters(
    where: LetterFilter, *, cursor: str | None = None, limit: int = 50, newest_first: bool = True
) -> LetterPage:
    """One page in the order of (received, id). Raises `BadCursor`."""
    rows = filter_dead_letters(where)
    if cursor is not None:
        rows = rows.filter(_beyond(*_read_cursor(cursor), newest_first=newest_first))
    order = ("-received_ms", "-id") if newest_first else ("received_ms", "id")
    found = list(rows.defer("event", "headers", "error_stack").order_by(*order)[: limit + 1])
    page = found[:limit]
    more = len(found) > limit
    return LetterPage(page, f"{page[-1].received_ms}-{page[-1].pk}" if more and page else None)


def dead_letter_groups(where: LetterFilter, *, limit: int = 100) -> list[LetterGroup]:
    """Failures that are alike, those with most open letters first."""
    grouped = list(
        filter_dead_letters(where)
        .values("fingerprint")
        .annotate(
            count=Count("id"),
            open=Count("id", filter=Q(status=DeadLetter.Status.OPEN)),
            first=Min("received_ms"),
            last=Max("received_ms"),
            newest=Max("id"),
        )
        .order_by("-open", "-last", "fingerprint")[:limit]
    )
    rows = DeadLetter.objects.defer("event", "headers", "error_stack")
    newest = rows.in_bulk([row["newest"] for row in grouped])
    return [
        LetterGroup(
            fingerprint=row["fingerprint"],
            count=row["count"],
            open=row["open"],
            first_ms=row["first"],
            last_ms=row["last"],
            newest=newest[row["newest"]],
        )
        for row in grouped
        if row["newest"] in newest
    ]


def dead_letter_facets(where: LetterFilter) -> LetterFacets:
    """The names among the letters of ``where``, the first few hundred of each kind."""
    rows = filter_dead_letters(where)

    def names(field: str) -> list[str]:
        values = rows.exclude(**{field: ""}).order_by(field).values_list(field, flat=True)
        return list(values.distinct()[:_FACETS])

    return LetterFacets(names("event_type"), names("consumer"), names("error_type"))


def get_dead_letter(id: int) -> DeadLetter | None:
    return DeadLetter.objects.select_related("stream").filter(id=id).first()


def _read_cursor(cursor: str) -> Sequence[int]:
    parts = cursor.split("-")
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and len(p) < 19 for p in parts):
        raise BadCursor
    return [int(part) for part in parts]


def _beyond(received_ms: int, id: int, *, newest_first: bool) -> Q:
    if newest_first:
        return Q(received_ms__lte=received_ms) & (Q(received_ms__lt=received_ms) | Q(id__lt=id))
    return Q(received_ms__gte=received_ms) & (Q(received_ms__gt=received_ms) | Q(id__gt=id))
