"""Cursors that only we can make, each good for the one list it came from."""

from __future__ import annotations

from django.core import signing

from dashboard.explore.filters import EventQuery, FilterError

__all__ = ["open_cursor", "seal_cursor"]

SALT = "eventscope.events-cursor"


def seal_cursor(query: EventQuery, place: str | None) -> str | None:
    """``place`` in the list of ``query``, signed; None stays None."""
    if place is None:
        return None
    return signing.dumps([place, query.identity], salt=SALT, compress=True)


def open_cursor(query: EventQuery) -> str | None:
    """The place that the query's cursor names. Raises `FilterError` for a forged or foreign one."""
    if not query.cursor:
        return None
    try:
        place, identity = signing.loads(query.cursor, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise FilterError("cursor", "not one that Eventscope gave out") from error
    if identity != query.identity:
        raise FilterError("cursor", "belongs to another list; start again without it")
    return str(place)
