"""Several statements that see one state of the database, without taking its write lock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.models import Model

__all__ = ["EVENTS", "read_by_id", "read_rows", "snapshot"]

EVENTS = "events"
_PARAMETERS = 400
_BEGIN = {
    "sqlite": "BEGIN DEFERRED",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}


@contextmanager
def snapshot() -> Iterator[None]:
    """Reads inside see one moment, so that joining blocks meanwhile hides nothing from them.

    `transaction.atomic` would begin IMMEDIATE on SQLite and so wait for the writer. Inside a
    transaction (or another snapshot) this one does nothing.
    """
    connection = connections[EVENTS]
    if connection.in_atomic_block or getattr(connection, "in_snapshot", False):
        yield
        return
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN[connection.vendor])
    connection.in_snapshot = True  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection.in_snapshot = False  # type: ignore[attr-defined]
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


def read_rows(statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
    """All rows of a statement that the ORM cannot say."""
    with connections[EVENTS].cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def read_by_id(model: type[Model], field: str, ids: Iterable[int]) -> dict[int, Any]:
    """``field`` of those rows of ``model`` that exist, by id.

    Building such a query costs the ORM more than it costs the database to answer it, and a look-up
    makes nothing else.
    """
    wanted = list(ids)
    found: dict[int, Any] = {}
    for start in range(0, len(wanted), _PARAMETERS):
        some = wanted[start : start + _PARAMETERS]
        places = ", ".join(["%s"] * len(some))
        rows = read_rows(
            f"SELECT id, {field} FROM {model._meta.db_table} WHERE id IN ({places})", some
        )
        found.update(rows)
    return found
