"""How long events are kept: whole days are dropped, each at once and without rewriting anything."""

from __future__ import annotations

from typing import NamedTuple

from ingest.store.base import PurgeReport
from ingest.store.clickhouse.engine import Engine
from ingest.store.clickhouse.tables import DAY_MS

__all__ = ["kept_since", "oldest_ms", "purge_days"]

_DAYS = 8
_TABLES = ("events", "keys")


class _Day(NamedTuple):
    """A day since 1970 UTC: rows of events, and the bytes that all take on disk."""

    day: int
    rows: int
    size: int


def purge_days(engine: Engine, *, before_ms: int) -> PurgeReport:
    """Drop the oldest days, a bounded number, that ended before ``before_ms``."""
    last = before_ms // DAY_MS
    old = [day for day in _days(engine) if day.day < last][:_DAYS]
    for day in old:
        for table in _TABLES:
            engine.run(f"ALTER TABLE {_stored(engine, table)} DROP PARTITION {day.day}")
    return PurgeReport(len(old), sum(day.rows for day in old), sum(day.size for day in old))


def kept_since(engine: Engine, since_ms: int, *, max_bytes: int) -> int:
    """The moment from which on events are kept when they may take ``max_bytes``; whole days."""
    left = max_bytes
    for day in reversed(_days(engine)):
        left -= day.size
        if left < 0:
            return max(since_ms, (day.day + 1) * DAY_MS)
    return since_ms


def oldest_ms(engine: Engine) -> int | None:
    """Append time of the oldest event; None while there is none."""
    rows = engine.rows(
        f"SELECT appended_ms FROM {engine.table('events')} ORDER BY appended_ms LIMIT 1"
    )
    return rows[0][0] if rows else None


def _days(engine: Engine) -> list[_Day]:
    """What there is, oldest first."""
    cluster = engine.options.cluster
    parts = f"cluster('{cluster}', system.parts)" if cluster else "system.parts"
    local = "_local" if cluster else ""
    rows = engine.rows(
        f"SELECT toInt64(partition) AS day, sumIf(rows, table = 'events{local}'), sum(bytes_on_disk) "
        f"FROM {parts} WHERE active AND database = '{engine.database}' "
        f"AND table IN ('events{local}', 'keys{local}') GROUP BY day ORDER BY day"
    )
    return [_Day(*row) for row in rows]


def _stored(engine: Engine, table: str) -> str:
    """Where the rows of ``table`` really are."""
    cluster = engine.options.cluster
    return (
        f"{engine.table(f'{table}_local')} ON CLUSTER '{cluster}'"
        if cluster
        else engine.table(table)
    )
