"""Reading the events at known places: of each the row that counts, as it stands now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter

from ingest.records import Position
from ingest.store.base import StoredEvent
from ingest.store.blocks import NEVER
from ingest.store.clickhouse.engine import Engine, Row

__all__ = ["Place", "read_events"]

AT_ONCE = 500

Place = tuple[int, int, int]
"""(append time, stream, minor) of an event. A Kafka topic that was made anew has other majors; that two of
its events share all the rest is as good as impossible, and what is found is verified anyway."""
_COLUMNS = "stream_id, topic, major, minor, appended_ms, occurred_ms, type, source, body, headers, flags, size"


def read_events(engine: Engine, places: Sequence[Place]) -> list[StoredEvent]:
    """The events at ``places``, oldest first, each once."""
    found: list[StoredEvent] = []
    for start in range(0, len(places), AT_ONCE):
        some = sorted(set(places[start : start + AT_ONCE]))
        found += map(_event, _winners(engine, some))
    return sorted(found, key=attrgetter("cursor"))


def _winners(engine: Engine, places: Sequence[Place]) -> Iterator[Row]:
    """Of the rows of one name the newest version; nothing if that says that there is no such event.

    A batch that was stored again after a kill, cut at other positions, has its rows twice until the server
    merges them; a message that was set aside after all has a row that deletes it.
    """
    wanted = ", ".join(f"({at}, {stream}, {minor})" for at, stream, minor in places)
    rows = engine.rows(
        f"SELECT {_COLUMNS}, deleted FROM {engine.table('events')} "
        f"WHERE (appended_ms, stream_id, minor) IN ({wanted})"
        f" AND appended_ms >= {places[0][0]} AND appended_ms <= {places[-1][0]} "
        "ORDER BY appended_ms, stream_id, major, minor, version DESC "
        "LIMIT 1 BY appended_ms, stream_id, major, minor"
    )
    return (row[:-1] for row in rows if not row[-1])


def _event(row: Row) -> StoredEvent:
    stream, topic, major, minor, appended, occurred, type, source, body, headers, flags, size = row
    return StoredEvent(
        stream_id=stream,
        topic=topic,
        position=Position(major, minor),
        appended_ms=appended,
        occurred_ms=None if occurred == NEVER else occurred,
        event_type=type,
        source=source,
        body=body,
        headers=headers,
        flags=flags,
        size=size,
    )
