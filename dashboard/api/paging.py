"""Keyset pages of tables: newest row first, a signed cursor that belongs to one list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core import signing
from django.db.models import Model, QuerySet
from ninja import Schema
from pydantic import Field

from dashboard.explore.filters import MAX_LIMIT, FilterError
from ingest.store.base import PAGE_BYTES

__all__ = ["PageParameters", "keyset_page", "seal", "unseal"]

SALT = "eventscope.api-cursor"
CHUNK = 20
"""Rows that are fetched at once."""


class PageParameters(Schema):
    """What every list takes."""

    limit: int = Field(100, ge=1, le=MAX_LIMIT)
    cursor: str = Field("", max_length=2048)


def keyset_page(
    rows: QuerySet[Any],
    page: PageParameters,
    shape: Callable[[Any], dict[str, Any]],
    *,
    identity: str,
    weigh: Callable[[Any], int] = lambda row: 0,
) -> dict[str, Any]:
    """``{results, next}`` of ``rows`` by descending primary key.

    ``identity`` is what was asked; a cursor of another list raises `FilterError`. The row at which ``weigh``
    reaches `PAGE_BYTES` is the page's last, whatever limit was asked.
    """
    last = unseal(page.cursor, identity)
    wanted = rows if last is None else rows.filter(pk__lt=last)
    found: list[Model] = []
    left, more = PAGE_BYTES, False
    for row in wanted.order_by("-pk")[: page.limit + 1].iterator(chunk_size=CHUNK):
        more = len(found) == page.limit or left <= 0
        if more:
            break
        found.append(row)
        left -= weigh(row)
    return {
        "results": [shape(row) for row in found],
        "next": seal(found[-1].pk, identity) if more else None,
    }


def seal(place: Any, identity: str) -> str | None:
    """``place`` as a cursor of the list ``identity``; None stays None."""
    return None if place is None else signing.dumps([place, identity], salt=SALT)


def unseal(cursor: str, identity: str) -> Any:
    """The place that ``cursor`` names, None for none. Raises `FilterError`."""
    if not cursor:
        return None
    try:
        place, asked = signing.loads(cursor, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError, UnicodeError) as error:
        raise FilterError("cursor", "not one that Eventscope gave out") from error
    if asked != identity:
        raise FilterError("cursor", "belongs to another list; start again without it")
    return place
