"""What only ClickHouse has to tell: bytes by column, and a bare insert of the same rows beside the store's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

__all__ = ["measure_clickhouse"]

_BARE = 200_000


def measure_clickhouse(store: Any, events: int) -> Iterator[tuple[str, float, str]]:
    """Bytes an event once all is merged, then the bare insert. Empties nothing."""
    engine = store.engine
    for table in ("events", "keys"):
        engine.run(f"OPTIMIZE TABLE {engine.table(table)} FINAL")
    yield from _sizes(engine, events)
    yield from _bare_insert(engine)


def _sizes(engine: Any, events: int) -> Iterator[tuple[str, float, str]]:
    rows = engine.rows(
        "SELECT table, column, sum(column_data_compressed_bytes) AS size FROM system.parts_columns "
        f"WHERE active AND database = '{engine.database}' GROUP BY table, column ORDER BY size DESC"
    )
    for table, column, size in rows:
        if size / events >= 0.5:
            yield f"store: {table}.{column}", size / events, "B/event"
    for table, size in engine.rows(
        f"SELECT table, sum(bytes_on_disk) FROM system.parts WHERE active AND database = '{engine.database}' "
        "GROUP BY table ORDER BY table"
    ):
        yield f"store: table {table} on disk", size / events, "B/event"
    total = engine.rows(
        f"SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = '{engine.database}'"
    )
    yield "store: on disk, everything", total[0][0] / events, "B/event"


def _bare_insert(engine: Any) -> Iterator[tuple[str, float, str]]:
    """The same rows of ``events``, columns made beforehand, into a table of the same kind without keys."""
    from benchmarks.store import make_batches
    from ingest.store.clickhouse.writing import event_columns, parts_of

    engine.run(f"CREATE TABLE {engine.table('bare')} AS {engine.table('events')}")
    made = [
        event_columns(batch, part) for batch in make_batches(_BARE, 1) for part in parts_of(batch)
    ]
    started, worked = time.perf_counter(), time.process_time()
    for columns in made:
        engine.insert("events", columns, into="bare")
    took, busy = time.perf_counter() - started, time.process_time() - worked
    engine.run(f"DROP TABLE {engine.table('bare')}")
    yield "store: bare insert beside it", _BARE / took, "events/s"
    yield "store: processor time of the bare insert", busy / _BARE * 1e6, "µs/event"
