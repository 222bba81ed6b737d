"""Cursors that only we can make, each good for the one list it came from."""

from __future__ import annotations

from dataclasses import replace

from django.core import signing

from dashboard.explore.errors import FilterError
from dashboard.explore.filters import EventQuery

__all__ = ["open_cursor", "seal_cursor"]

SALT = "eventscope.events-cursor"


def seal_cursor(query: EventQuery, place: str | None) -> str | None:
    """``place`` in the list of ``query``, signed, with what "the last hour" and "all but system events" meant."""
    if place is None:
        return None
    pinned = [query.since_ms, query.until_ms, query.series_until]
    return signing.dumps([place, query.identity, *pinned], salt=SALT, compress=True)


def open_cursor(query: EventQuery) -> tuple[EventQuery, str | None]:
    """The query with the bounds that its first page had, and the place that its cursor names.

    Raises `FilterError` for a cursor that is forged or of another list.
    """
    if not query.cursor:
        return query, None
    try:
        place, identity, since, until, series = signing.loads(query.cursor, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError, UnicodeError) as error:
        raise FilterError("cursor", "not one that Eventscope gave out") from error
    if identity != query.identity:
        raise FilterError("cursor", "belongs to another list; start again without it")
    return replace(query, since_ms=since, until_ms=until, series_until=series), str(place)
