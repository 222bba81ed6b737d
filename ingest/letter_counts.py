"""Counts of dead letters, kept by the database itself in the transaction that changes a letter.

Letters are written by ingest and change their status through redrives, discards, people and retention.
Triggers count all of them alike, so no writer can forget to, and none counts twice: `LetterCell` and
`LetterHour` are right whenever the letters are. SQLite has one writer and counts each row. PostgreSQL
counts once a statement, and lets one transaction at a time change letters, from its first such statement
on: letters, cells and hours are locked in whatever order statements come to them, so that two
transactions would sooner or later wait for each other crosswise.

Every change is a row (old status, new status), "" for a letter that is not there. An imported letter did
not arrive here: it counts as one that was opened again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = [
    "CLOSED",
    "STATUSES",
    "count_all",
    "count_cells",
    "counts_are_right",
    "dialect_of",
    "drop_triggers",
    "install_triggers",
    "letter_changes",
    "recount",
    "take_turn",
]

STATUSES = ("open", "resolved", "superseded", "discarded", "archived")
CLOSED = STATUSES[1:]
_NAMES = ("fingerprint", "error_type", "event_type", "consumer", "topic")
_HOUR = 3_600_000
_TABLE, _CELL, _HOURS = "ingest_deadletter", "ingest_lettercell", "ingest_letterhour"
_EVENTS = ("insert", "update", "delete")
_TURN = (
    "CREATE OR REPLACE FUNCTION take_letter_turn() RETURNS trigger LANGUAGE plpgsql "
    "AS $$ BEGIN PERFORM pg_advisory_xact_lock(TG_RELID::bigint); RETURN NULL; END $$",
    f"CREATE TRIGGER letter_turn BEFORE INSERT OR UPDATE OR DELETE ON {_TABLE} "
    "FOR EACH STATEMENT EXECUTE FUNCTION take_letter_turn()",
)
"""Before a statement locks its first letter; held until the transaction ends."""


class Dialect(NamedTuple):
    least: str
    greatest: str
    now_ms: str


_DIALECTS = {
    "sqlite": Dialect("MIN", "MAX", "CAST(strftime('%s', 'now') AS INTEGER) * 1000"),
    "postgresql": Dialect(
        "LEAST", "GREATEST", "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
    ),
}


def install_triggers(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers anew; needed after every migration, as SQLite drops them with a rebuilt table."""
    drop_triggers(connection)
    made = _sqlite() if connection.vendor == "sqlite" else _postgresql()
    _execute(connection, made)


def drop_triggers(connection: BaseDatabaseWrapper) -> None:
    if connection.vendor == "sqlite":
        dropped = [*(f"letter_{event}" for event in _EVENTS), "letter_cell_delete"]
    else:
        dropped = [f"letter_{name} ON {_TABLE}" for name in (*_EVENTS, "turn")]
    _execute(connection, [f"DROP TRIGGER IF EXISTS {trigger}" for trigger in dropped])


def count_all(connection: BaseDatabaseWrapper) -> None:
    """Fill the empty tables from the letters that are stored; how those left the open ones when is not known."""
    changes = letter_changes(
        f"{_TABLE} letter", new="letter", old_status="''", new_status="status", origin="''"
    )
    _execute(connection, _statements(changes, _DIALECTS[connection.vendor]))


def counts_are_right(connection: BaseDatabaseWrapper) -> bool:
    """Whether as many letters are counted open as there are; one statement, so one moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT (SELECT COALESCE(SUM(open), 0) FROM {_CELL}), "
            f"(SELECT COUNT(*) FROM {_TABLE} WHERE status = 'open')"
        )
        counted, stored = cursor.fetchone()
    return bool(counted == stored)


def take_turn(connection: BaseDatabaseWrapper) -> None:
    """Be the one who changes letters until the transaction ends; on SQLite its writer is so already."""
    if connection.vendor == "postgresql":
        _execute(connection, [f"SELECT pg_advisory_xact_lock('{_TABLE}'::regclass::oid::bigint)"])


def dialect_of(connection: BaseDatabaseWrapper) -> Dialect:
    return _DIALECTS[connection.vendor]


def recount(connection: BaseDatabaseWrapper) -> None:
    """Count the letters of each status again, where something changed them past the triggers."""
    changes = letter_changes(f"{_TABLE} letter", new="letter", old_status="''", new_status="status")
    nothing = ", ".join(f"{status} = 0" for status in STATUSES)
    with transaction.atomic(using=connection.alias):
        if connection.vendor == "postgresql":
            _execute(connection, [f"LOCK TABLE {_TABLE} IN SHARE MODE"])
        cells = count_cells(changes, _DIALECTS[connection.vendor])
        _execute(connection, [f"UPDATE {_CELL} SET {nothing}", cells])


def _execute(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _sqlite() -> list[str]:
    """A flush deletes table by table, in any order, and fires triggers: a letter whose cell is gone makes
    none anew, and a cell takes its hours with it, or the flush would leave counts of nothing."""
    sources = {
        "insert": letter_changes("", new="NEW", old_status="''", new_status="NEW.status"),
        "update": letter_changes("", new="NEW", old_status="OLD.status", new_status="NEW.status"),
        "delete": letter_changes("", new="OLD", old_status="OLD.status", new_status="''"),
    }
    heads = {
        "insert": "AFTER INSERT",
        "update": f"AFTER UPDATE OF status ON {_TABLE} WHEN OLD.status <> NEW.status",
        "delete": f"AFTER DELETE ON {_TABLE} WHEN EXISTS ({_cell_of('OLD')})",
    }
    return [
        *(
            f"CREATE TRIGGER letter_{event} {_on(heads[event])} "
            f"BEGIN {'; '.join(_statements(sources[event], _DIALECTS['sqlite']))}; END"
            for event in _EVENTS
        ),
        f"CREATE TRIGGER letter_cell_delete AFTER DELETE ON {_CELL} "
        f"BEGIN DELETE FROM {_HOURS} WHERE cell_id = OLD.id; END",
    ]


def _cell_of(letter: str) -> str:
    fits = " AND ".join(f"{_CELL}.{name} = {letter}.{name}" for name in _NAMES)
    return f"SELECT 1 FROM {_CELL} WHERE {fits}"


def _on(head: str) -> str:
    return head if " ON " in head else f"{head} ON {_TABLE}"


def _postgresql() -> list[str]:
    both = "added JOIN removed ON added.id = removed.id AND added.status <> removed.status"
    sources = {
        "insert": letter_changes("added", new="added", old_status="''", new_status="added.status"),
        "update": letter_changes(
            both, new="added", old_status="removed.status", new_status="added.status"
        ),
        "delete": letter_changes(
            "removed", new="removed", old_status="removed.status", new_status="''"
        ),
    }
    tables = {
        "insert": "NEW TABLE AS added",
        "update": "OLD TABLE AS removed NEW TABLE AS added",
        "delete": "OLD TABLE AS removed",
    }
    made = list(_TURN)
    for event in _EVENTS:
        body = "; ".join(_statements(sources[event], _DIALECTS["postgresql"]))
        made += [
            f"CREATE OR REPLACE FUNCTION count_letter_{event}() RETURNS trigger LANGUAGE plpgsql "
            f"AS $$ BEGIN {body}; RETURN NULL; END $$",
            f"CREATE TRIGGER letter_{event} AFTER {event.upper()} ON {_TABLE} "
            f"REFERENCING {tables[event]} FOR EACH STATEMENT EXECUTE FUNCTION count_letter_{event}()",
        ]
    return made


def letter_changes(
    source: str, *, new: str, old_status: str, new_status: str, origin: str = ""
) -> str:
    columns = ", ".join(f"{new}.{name} AS {name}" for name in ("id", "received_ms", *_NAMES))
    statuses = f"{old_status} AS old_status, {new_status} AS new_status"
    imported = f"{origin or f'{new}.origin'} AS origin"
    rows = f" FROM {source}" if source else ""
    return f"(SELECT {columns}, {statuses}, {imported}{rows})"


def _statements(changes: str, dialect: Dialect) -> list[str]:
    return [count_cells(changes, dialect), _count_hours(changes, dialect)]


def count_cells(changes: str, dialect: Dialect) -> str:
    names = ", ".join(_NAMES)
    sums = ", ".join(
        f"SUM(CASE WHEN new_status = '{status}' THEN 1 ELSE 0 END)"
        f" - SUM(CASE WHEN old_status = '{status}' THEN 1 ELSE 0 END)"
        for status in STATUSES
    )
    added = ", ".join(f"{status} = {_CELL}.{status} + excluded.{status}" for status in STATUSES)
    return (
        f"INSERT INTO {_CELL} ({names}, {', '.join(STATUSES)}, first_ms, last_ms, newest) "
        f"SELECT {names}, {sums}, MIN(received_ms), MAX(received_ms), MAX(id) "
        f"FROM {changes} AS changes WHERE true GROUP BY {names} ORDER BY {names} "
        f"ON CONFLICT ({names}) DO UPDATE SET {added}, "
        f"first_ms = {dialect.least}({_CELL}.first_ms, excluded.first_ms), "
        f"last_ms = {dialect.greatest}({_CELL}.last_ms, excluded.last_ms), "
        f"newest = {dialect.greatest}({_CELL}.newest, excluded.newest)"
    )


def _count_hours(changes: str, dialect: Dialect) -> str:
    kinds = {
        "arrived": "old_status = '' AND origin = ''",
        **{status: f"new_status = '{status}' AND old_status IN ('open', '')" for status in CLOSED},
        "reopened": "new_status = 'open' AND (old_status <> '' OR origin <> '')",
        "expired": "new_status = '' AND old_status = 'open'",
    }
    sums = ", ".join(f"SUM(CASE WHEN {when} THEN 1 ELSE 0 END)" for when in kinds.values())
    added = ", ".join(f"{kind} = {_HOURS}.{kind} + excluded.{kind}" for kind in kinds)
    at = f"(CASE WHEN old_status = '' THEN received_ms ELSE {dialect.now_ms} END)"
    fits = " AND ".join(f"cell.{name} = changes.{name}" for name in _NAMES)
    return (
        f"INSERT INTO {_HOURS} (cell_id, hour_ms, {', '.join(kinds)}) "
        f"SELECT cell.id, {at} / {_HOUR} * {_HOUR} AS hour, {sums} "
        f"FROM {changes} AS changes JOIN {_CELL} cell ON {fits} "
        f"WHERE true GROUP BY cell.id, hour ORDER BY cell.id, hour "
        f"ON CONFLICT (cell_id, hour_ms) DO UPDATE SET {added}"
    )


def before_migrating(**sent: Any) -> None:
    """SQLite cannot rebuild a table that a trigger writes to."""
    connection = _concerned(sent)
    if connection is not None and connection.vendor == "sqlite" and sent.get("plan"):
        drop_triggers(connection)


def after_migrating(**sent: Any) -> None:
    connection = _concerned(sent)
    if connection is not None:
        install_triggers(connection)
        if not counts_are_right(connection):
            recount(connection)


def _concerned(sent: dict[str, Any]) -> BaseDatabaseWrapper | None:
    """The connection, if the tables are there."""
    if not router.allow_migrate(sent["using"], "ingest"):
        return None
    connection = connections[sent["using"]]
    tables = connection.introspection.table_names()
    return connection if {_TABLE, _CELL, _HOURS} <= set(tables) else None
