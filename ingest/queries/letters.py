"""Dead letters: lists, and one with its bytes. Groups of them are in `ingest.queries.letter_groups`."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec
from django.db.models import Q, QuerySet

from eventscope.errors import EventscopeError
from ingest.envelopes import stored_id
from ingest.letter_counts import STATUSES
from ingest.models import DeadLetter

__all__ = [
    "MOST_SCANNED",
    "BadCursor",
    "LetterFilter",
    "LetterPage",
    "filter_dead_letters",
    "get_dead_letter",
    "list_dead_letters",
    "neighbours_of",
]

MOST_SCANNED = 5_000
"""Letters whose text a page looks through."""
_CHUNK = 500
_SEARCHED = (
    "error_message",
    "error_stack",
    "error_type",
    "event_type",
    "event_id",
    "correlation_id",
    "consumer",
    "offset",
)
_WHOLE = ("event", "headers", "error_stack")


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
    fingerprints: tuple[str, ...] = ()
    event_id: str = ""
    correlation_id: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    text: str = ""


class LetterPage(NamedTuple):
    """Letters without their bytes (they are read when touched), and the cursor of the next page.

    With a text ``scanned`` letters were looked through; not ``complete``: go on with ``next``.
    """

    letters: list[DeadLetter]
    next: str | None
    scanned: int = 0
    complete: bool = True


def filter_dead_letters(where: LetterFilter) -> QuerySet[DeadLetter]:
    """Unordered, whole rows: for bulk work by id. A ``text`` is looked for in all of them."""
    named = {
        "status__in": where.statuses,
        "event_type__in": where.types,
        "consumer__in": where.consumers,
        "error_type__in": where.error_types,
        "topic__in": where.topics,
        "fingerprint": where.fingerprint,
        "fingerprint__in": where.fingerprints,
        "event_id": stored_id(where.event_id),
        "correlation_id": stored_id(where.correlation_id),
    }
    rows = DeadLetter.objects.filter(**{key: value for key, value in named.items() if value})
    if where.since_ms is not None:
        rows = rows.filter(received_ms__gte=where.since_ms)
    if where.until_ms is not None:
        rows = rows.filter(received_ms__lt=where.until_ms)
    return rows.filter(_bears(where.text)) if where.text else rows


def list_dead_letters(
    where: LetterFilter, *, cursor: str | None = None, limit: int = 50, newest_first: bool = True
) -> LetterPage:
    """One page in the order of (received, id). Raises `BadCursor`.

    With a text the next `MOST_SCANNED` letters are looked through, until the page is full.
    """
    after = _read_cursor(cursor) if cursor is not None else None
    most = MOST_SCANNED if where.text else limit
    found = _places(where, after, most + 1, newest_first=newest_first)
    more = len(found) > most
    places = found[:most]
    if where.text:
        return _search(places, where.text, limit=limit, more=more)
    letters = DeadLetter.objects.defer(*_WHOLE).in_bulk([id for _, id in places])
    page = [letters[id] for _, id in places if id in letters]
    return LetterPage(page, _cursor(places[-1]) if more else None)


def _places(
    where: LetterFilter, after: Sequence[int] | None, limit: int, *, newest_first: bool
) -> list[tuple[int, int]]:
    """(received, id) of the next letters. Each status is asked for apart: so an index has the order."""
    statuses = where.statuses or STATUSES
    if where.event_id:
        return list(_place(where, after, limit, newest_first=newest_first))
    runs = (
        _place(
            msgspec.structs.replace(where, statuses=(status,)),
            after,
            limit,
            newest_first=newest_first,
        )
        for status in statuses
    )
    return list(islice(heapq.merge(*runs, reverse=newest_first), limit))


def _place(
    where: LetterFilter, after: Sequence[int] | None, limit: int, *, newest_first: bool
) -> Iterable[tuple[int, int]]:
    rows = filter_dead_letters(msgspec.structs.replace(where, text=""))
    if after is not None:
        rows = rows.filter(_beyond(*after, newest_first=newest_first))
    order = ("-received_ms", "-id") if newest_first else ("received_ms", "id")
    return list(rows.order_by(*order).values_list("received_ms", "id")[:limit])


def _search(places: Sequence[tuple[int, int]], text: str, *, limit: int, more: bool) -> LetterPage:
    """Look through the letters at ``places`` in their order, some at a time, until a page is found."""
    found: list[DeadLetter] = []
    for begin in range(0, len(places), _CHUNK):
        some = [id for _, id in places[begin : begin + _CHUNK]]
        bearing = DeadLetter.objects.filter(_bears(text)).defer(*_WHOLE).in_bulk(some)
        found += [bearing[id] for id in some if id in bearing]
        if len(found) > limit:
            last = found[limit - 1]
            scanned = [id for _, id in places].index(last.pk) + 1
            return LetterPage(found[:limit], _cursor((last.received_ms, last.pk)), scanned)
    following = _cursor(places[-1]) if more else None
    return LetterPage(found, following, len(places), complete=not more)


def _bears(text: str) -> Q:
    bears = Q()
    for field in _SEARCHED:
        bears |= Q(**{f"{field}__icontains": text})
    return bears


def neighbours_of(
    letter: DeadLetter, fingerprints: tuple[str, ...]
) -> tuple[DeadLetter | None, DeadLetter | None]:
    """The newer and the older letter of the same failure and status."""
    where = LetterFilter(statuses=(letter.status,), fingerprints=fingerprints)
    cursor = _cursor((letter.received_ms, letter.pk))
    newer, older = (
        list_dead_letters(where, cursor=cursor, limit=1, newest_first=newest_first).letters
        for newest_first in (False, True)
    )
    return (newer[0] if newer else None), (older[0] if older else None)


def get_dead_letter(id: int) -> DeadLetter | None:
    return DeadLetter.objects.select_related("stream").filter(id=id).first()


def _cursor(place: tuple[int, int]) -> str:
    return f"{place[0]}-{place[1]}"


def _read_cursor(cursor: str) -> Sequence[int]:
    parts = cursor.split("-")
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and len(p) < 19 for p in parts):
        raise BadCursor
    return [int(part) for part in parts]


def _beyond(received_ms: int, id: int, *, newest_first: bool) -> Q:
    if newest_first:
        return Q(received_ms__lte=received_ms) & (Q(received_ms__lt=received_ms) | Q(id__lt=id))
    return Q(received_ms__gte=received_ms) & (Q(received_ms__gt=received_ms) | Q(id__gt=id))
