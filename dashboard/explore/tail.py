"""What has arrived since: the live end of a list, asked for again and again.

A tail goes up to the moment until which every live stream is stored (`ingest.queries.coverage`), so
that a slower stream's events are not passed over, and from there on the next time. What is asked by its
handling comes when that is told: an event that fails now is new now, however old it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.core import signing

from dashboard.explore.filters import EventQuery, FilterError
from dashboard.explore.handled import choose_marks, read_newly_handled
from dashboard.explore.listing import read_listing
from dashboard.explore.rows import Row
from dashboard.explore.totals import count_in_range, counted
from ingest.queries.coverage import coverage_of, read_streams
from ingest.queries.metrics import read_series

__all__ = ["TAIL_ROWS", "Tail", "read_tail"]

SALT = "eventscope.events-tail"
TAIL_ROWS = 50
READ_ON = 500
LONGEST_MS = 60_000


@dataclass(frozen=True, slots=True)
class Tail:
    """New rows, newest first; ``skipped`` more came than a call shows. ``next`` is asked with next.

    ``more`` means that even more were skipped than could be counted.
    """

    rows: list[Row]
    next: str
    skipped: int = 0
    more: bool = False


def read_tail(query: EventQuery, after: str = "", *, now_ms: int, limit: int = TAIL_ROWS) -> Tail:
    """Events of ``query`` stored since ``after`` ("" begins at the end, with nothing to show).

    Whole seconds at a time, as they are counted. Raises `FilterError` for an ``after`` that is not
    one of this list's.
    """
    since_ms = _opened(query, after)
    until_ms = (coverage_of(read_streams()).until_ms or 0) // 1000 * 1000
    if since_ms is None or until_ms <= since_ms:
        return Tail([], _sealed(query, max(until_ms, since_ms or 0)))
    newest_ms = max(since_ms, until_ms - LONGEST_MS)
    between = replace(
        query, since_ms=newest_ms, until_ms=until_ms, newest_first=True, cursor="", limit=limit
    )
    tail = _handled(query, between) if _by_handling(query) else _stored(between, now_ms)
    return replace(tail, next=_sealed(query, until_ms), more=tail.more or newest_ms > since_ms)


def _stored(query: EventQuery, now_ms: int) -> Tail:
    """Events that were appended in the query's range."""
    plain = _plain(query)
    listing = read_listing(query if plain else replace(query, limit=READ_ON), now_ms=now_ms)
    skipped = max(0, len(listing.rows) - query.limit)
    if listing.next and plain:
        skipped = max(0, count_in_range(query, now_ms=now_ms) - query.limit)
    return Tail(
        listing.rows[: query.limit], "", skipped, more=listing.next is not None and not plain
    )


def _handled(query: EventQuery, between: EventQuery) -> Tail:
    """Events, older ones too, whose handling was told in the range of ``between``."""
    assert between.since_ms is not None
    assert between.until_ms is not None
    rows, complete = read_newly_handled(query, since_ms=between.since_ms, until_ms=between.until_ms)
    shown = rows[: between.limit]
    return Tail(shown, "", len(rows) - len(shown), more=not complete)


def _by_handling(query: EventQuery) -> bool:
    """What becomes of an event shows later than the event."""
    return choose_marks(query, read_series()) is not None and query.judged and not query.needles


def _plain(query: EventQuery) -> bool:
    """Whether counts tell how many events of the query there are."""
    return counted(query) and not query.judged


def _sealed(query: EventQuery, until_ms: int) -> str:
    return signing.dumps([until_ms, query.identity], salt=SALT, compress=True)


def _opened(query: EventQuery, after: str) -> int | None:
    if not after:
        return None
    try:
        until_ms, identity = signing.loads(after, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError, UnicodeError) as error:
        raise FilterError("after", "not one that Eventscope gave out") from error
    if identity != query.identity:
        raise FilterError("after", "belongs to another list; start again without it")
    return int(until_ms)
