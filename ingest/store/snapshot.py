"""Several statements that see one state of the database, without taking its write lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

__all__ = ["EVENTS", "read_rows", "snapshot"]

EVENTS = "events"
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
