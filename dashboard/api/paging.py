"""Keyset pages of tables: newest row first, a signed cursor that belongs to one list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core import signing
from django.db.models import Model, QuerySet
from ninja import Schema
from pydantic import Field

from dashboard.explore.filters import MAX_LIMIT, FilterError

__all__ = ["PageParameters", "keyset_page"]

SALT = "eventscope.api-cursor"


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
) -> dict[str, Any]:
    """``{results, next}`` of ``rows`` by descending primary key.

    ``identity`` is what was asked; a cursor of another list raises `FilterError`.
    """
    found: list[Model] = list(_after(rows, page.cursor, identity).order_by("-pk")[: page.limit + 1])
    more = len(found) > page.limit
    found = found[: page.limit]
    cursor = signing.dumps([found[-1].pk, identity], salt=SALT) if more else None
    return {"results": [shape(row) for row in found], "next": cursor}


def _after(rows: QuerySet[Any], cursor: str, identity: str) -> QuerySet[Any]:
    if not cursor:
        return rows
    try:
        last, asked = signing.loads(cursor, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise FilterError("cursor", "not one that Eventscope gave out") from error
    if asked != identity:
        raise FilterError("cursor", "belongs to another list; start again without it")
    return rows.filter(pk__lt=last)
