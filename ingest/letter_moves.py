"""Counts of letters moved from one fingerprint to another, in the transaction that moves the letters."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from ingest.letter_counts import CLOSED, STATUSES, count_cells, dialect_of, letter_changes

__all__ = ["add_counts", "take_counts"]

_LETTERS, _CELLS, _HOURS = "ingest_deadletter", "ingest_lettercell", "ingest_letterhour"
_NAMES = ("error_type", "event_type", "consumer", "topic")
_KINDS = ("arrived", *CLOSED, "reopened", "expired")
_HOUR = 3_600_000


def take_counts(connection: BaseDatabaseWrapper, *, origin: str, to: str, text: str) -> None:
    """Of the letters of ``origin`` whose message holds ``text``, before they are moved themselves.

    Arrivals of open letters go along; when the others were closed is not known, so both ends of
    theirs stay where they are.
    """
    dialect, chosen, fits = dialect_of(connection), _chosen(connection), [origin, text]
    gone = letter_changes(chosen, new="letter", old_status="status", new_status="''")
    came = letter_changes(chosen, new="letter", old_status="''", new_status="status")
    columns = ", ".join(("id", "received_ms", *_NAMES, "old_status", "new_status", "origin"))
    renamed = f"(SELECT CAST(%s AS varchar(32)) AS fingerprint, {columns} FROM {came} AS found)"
    with connection.cursor() as cursor:
        cursor.execute(count_cells(gone, dialect), fits)
        cursor.execute(count_cells(renamed, dialect), [to, *fits])
        cursor.execute(_open_hours(chosen, "-"), [*fits, origin])
        cursor.execute(_open_hours(chosen, "+"), [*fits, to])


def add_counts(connection: BaseDatabaseWrapper, fingerprint: str, *, to: str) -> None:
    """All that was counted of ``fingerprint``, to the cells of ``to``; what is added stays there too."""
    dialect = dialect_of(connection)
    key = f"fingerprint, {', '.join(_NAMES)}"
    counts = ", ".join((*_NAMES, *STATUSES, "first_ms", "last_ms", "newest"))
    bounds = {"first_ms": dialect.least, "last_ms": dialect.greatest, "newest": dialect.greatest}
    widened = ", ".join(
        f"{name} = {choose}({_CELLS}.{name}, excluded.{name})" for name, choose in bounds.items()
    )
    same = " AND ".join(f"old.{name} = new.{name}" for name in _NAMES)
    hours = ", ".join(f"hours.{kind}" for kind in _KINDS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_CELLS} (fingerprint, {counts}) "
            f"SELECT CAST(%s AS varchar(32)), {counts} FROM {_CELLS} WHERE fingerprint = %s "
            f"{_adding(_CELLS, key, STATUSES)}, {widened}",
            [to, fingerprint],
        )
        cursor.execute(
            f"INSERT INTO {_HOURS} (cell_id, hour_ms, {', '.join(_KINDS)}) "
            f"SELECT new.id, hours.hour_ms, {hours} FROM {_HOURS} hours "
            f"JOIN {_CELLS} old ON old.id = hours.cell_id JOIN {_CELLS} new ON {same} "
            f"WHERE old.fingerprint = %s AND new.fingerprint = %s "
            f"{_adding(_HOURS, 'cell_id, hour_ms', _KINDS)}",
            [fingerprint, to],
        )


def _chosen(connection: BaseDatabaseWrapper) -> str:
    """For a fingerprint and a text, which is looked for as it is written."""
    find = "instr" if connection.vendor == "sqlite" else "strpos"
    return (
        f"{_LETTERS} letter WHERE letter.fingerprint = %s AND {find}(letter.error_message, %s) > 0"
    )


def _open_hours(chosen: str, sign: str) -> str:
    """Adds the arrivals of open letters to the hours of a fingerprint, or takes them away."""
    same = " AND ".join(f"cell.{name} = letter.{name}" for name in _NAMES)
    sums = {
        "arrived": f"{sign}SUM(CASE WHEN letter.origin = '' THEN 1 ELSE 0 END)",
        "reopened": f"{sign}SUM(CASE WHEN letter.origin <> '' THEN 1 ELSE 0 END)",
    }
    letters = f"SELECT letter.* FROM {chosen} AND letter.status = 'open'"
    return (
        f"INSERT INTO {_HOURS} (cell_id, hour_ms, {', '.join(_KINDS)}) "
        f"SELECT cell.id, letter.received_ms / {_HOUR} * {_HOUR} AS hour, "
        f"{', '.join(sums.get(kind, '0') for kind in _KINDS)} "
        f"FROM ({letters}) AS letter JOIN {_CELLS} cell ON {same} WHERE cell.fingerprint = %s "
        f"GROUP BY cell.id, hour ORDER BY cell.id, hour "
        f"{_adding(_HOURS, 'cell_id, hour_ms', _KINDS)}"
    )


def _adding(table: str, key: str, columns: Sequence[str]) -> str:
    sums = ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in columns)
    return f"ON CONFLICT ({key}) DO UPDATE SET {sums}"
