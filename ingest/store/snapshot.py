"""Several statements that see one state of the database, without taking its write lock, within a limit of time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import OperationalError, connections
from django.db.models import Model

from ingest.store.base import StoreError

__all__ = ["EVENTS", "ReadingTooLong", "read_by_id", "read_rows", "snapshot"]

EVENTS = "events"
_PARAMETERS = 400
_BEGIN = {
    "sqlite": "BEGIN DEFERRED",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
_STEPS = 20_000
"""Steps of SQLite's machine between two looks at the clock: a fraction of a millisecond."""


class ReadingTooLong(StoreError):
    """A reading took longer than [limits] reading allows; ask for less time or name a type."""


@contextmanager
def snapshot() -> Iterator[None]:
    """Reads inside see one moment, so that joining blocks meanwhile hides nothing from them.

    `transaction.atomic` would begin IMMEDIATE on SQLite and so wait for the writer. Inside a
    transaction (or another snapshot) this one does nothing. Raises `ReadingTooLong`.
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
        with _limited(connection):
            yield
    finally:
        connection.in_snapshot = False  # type: ignore[attr-defined]
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


@contextmanager
def _limited(connection: Any) -> Iterator[None]:
    """PostgreSQL limits each statement, SQLite all that is read inside; 0 is without limit."""
    seconds = settings.INGEST.limits.reading
    try:
        if connection.vendor == "sqlite":
            with _interrupted_after(connection.connection, seconds):
                yield
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
        yield
    except OperationalError as error:
        if not _ran_out_of_time(error):
            raise
        raise ReadingTooLong from error


@contextmanager
def _interrupted_after(sqlite: Any, seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + (seconds or float("inf"))
    sqlite.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        yield
    finally:
        sqlite.set_progress_handler(None, _STEPS)


def _ran_out_of_time(error: OperationalError) -> bool:
    """SQLite's SQLITE_INTERRUPT, PostgreSQL's query_canceled."""
    cause = error.__cause__
    return (
        getattr(cause, "sqlite_errorname", "") == "SQLITE_INTERRUPT"
        or getattr(cause, "sqlstate", "") == "57014"
    )


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
