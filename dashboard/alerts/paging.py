"""Pages of rows by a moment and the row's number, the newest first."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

__all__ = ["CursorError", "read_cursor", "take_page"]

Row = TypeVar("Row", bound=Model)
LONGEST = 40


class CursorError(ValueError):
    """The cursor is not one that was handed out."""


def take_page(
    rows: QuerySet[Row], field: str, after: tuple[int, int] | None, limit: int
) -> tuple[list[Row], str | None]:
    """The rows of one page, and the cursor of what follows: None at the end."""
    if after is not None:
        at, id = after
        rows = rows.filter(Q(**{f"{field}__lt": at}) | Q(**{field: at}, pk__lt=id))
    found: list[Any] = list(rows.order_by(f"-{field}", "-pk")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], f"{getattr(last, field)}-{last.pk}"


def read_cursor(cursor: str | None) -> tuple[int, int] | None:
    """Where the last page ended. Raises `CursorError`."""
    if not cursor:
        return None
    at, _, id = cursor.partition("-")
    if not (at.isdecimal() and id.isdecimal() and len(cursor) < LONGEST and cursor.isascii()):
        raise CursorError(f"{cursor[:LONGEST]!r} is not a cursor of this list.")
    return int(at), int(id)
