"""From a batch to the rows of ``events`` and ``keys``, and these to the server.

A batch is written before the transaction that moves its checkpoint. What a kill between the two leaves
behind is written again when the messages are read again, under the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from ingest.records import Batch, Quarantined, Record
from ingest.store.base import StoreUnavailable
from ingest.store.blocks import MAX_ROWS, NEVER
from ingest.store.clickhouse.engine import Engine, quoted
from ingest.store.columns import Ints
from ingest.store.encoding import marks_by_row
from ingest.store.keys import hash_records
from ingest.store.series import TOPIC_LENGTH, clean_name

__all__ = ["StreamNames", "event_columns", "parts_of", "write_batch"]

Columns = dict[str, Any]


class _Part(NamedTuple):
    """Records of a batch with the stream of each."""

    records: list[Record]
    streams: Ints


def write_batch(engine: Engine, batch: Batch) -> None:
    """Insert all of ``batch``; repeated, however cut, it changes nothing that is read. Raises `StoreUnavailable`.

    Events first: a key is never without its event for those who look.
    """
    for part in parts_of(batch):
        columns = event_columns(batch, part)
        engine.insert("events", columns)
        engine.insert("keys", _key_columns(batch, part, columns))
    refused = _refused_columns(batch)
    if refused:
        engine.insert("events", refused)


def parts_of(batch: Batch) -> Iterator[_Part]:
    """As many records at once as a row number can count."""
    counts = [len(part.records) for part in batch.slices]
    records = [record for part in batch.slices for record in part.records]
    streams = np.repeat(np.array([part.stream.id for part in batch.slices], np.int64), counts)
    for start in range(0, len(records), MAX_ROWS):
        yield _Part(records[start : start + MAX_ROWS], streams[start : start + MAX_ROWS])


def event_columns(batch: Batch, part: _Part) -> Columns:
    """The rows of ``events``, column by column."""
    records = part.records
    every = len(records)
    topics = {
        piece.stream.id: clean_name(piece.stream.topic, TOPIC_LENGTH) for piece in batch.slices
    }
    occurred = [NEVER if one.occurred_ms is None else one.occurred_ms for one in records]
    return {
        "appended_ms": _ints(records, attrgetter("appended_ms")),
        "stream_id": part.streams,
        "major": _ints(records, attrgetter("position.major")),
        "minor": _ints(records, attrgetter("position.minor")),
        "occurred_ms": np.array(occurred, np.int64),
        "type": [_cleaned(one.event_type) for one in records],
        "source": [_cleaned(one.source) for one in records],
        "topic": [topics[stream] for stream in part.streams.tolist()],
        "size": np.fromiter((one.size for one in records), np.uint64, every),
        "flags": np.fromiter((one.flags for one in records), np.uint16, every),
        "headers": [one.headers for one in records],
        "body": [one.body for one in records],
        "version": np.full(every, _version(batch), np.uint64),
        "deleted": np.zeros(every, np.uint8),
    }


def _key_columns(batch: Batch, part: _Part, events: Columns) -> Columns:
    run = hash_records(part.records, marks_by_row(batch, part.streams, part.records))
    rows = run.rows.astype(np.intp)
    places = {name: events[name][rows] for name in ("appended_ms", "stream_id", "minor")}
    return {"hash": run.hashes, **places}


def _refused_columns(batch: Batch) -> Columns | None:
    """Rows that delete what had been written of messages that are in quarantine now.

    That is so when a message was written, its transaction failed again and again, and it was found to be
    the one at fault; or when it was written under another configuration before a kill.
    """
    refused = [(part.stream, item) for part in batch.slices for item in part.quarantined]
    if not refused:
        return None
    every = len(refused)
    items: list[Quarantined] = [item for _, item in refused]
    nothing, empty = np.zeros(every, np.int64), [b""] * every
    return {
        "appended_ms": _ints(items, attrgetter("appended_ms")),
        "stream_id": np.array([stream.id for stream, _ in refused], np.int64),
        "major": _ints(items, attrgetter("position.major")),
        "minor": _ints(items, attrgetter("position.minor")),
        "occurred_ms": nothing,
        "type": [""] * every,
        "source": [""] * every,
        "topic": [clean_name(stream.topic, TOPIC_LENGTH) for stream, _ in refused],
        "size": nothing.astype(np.uint64),
        "flags": nothing.astype(np.uint16),
        "headers": empty,
        "body": empty,
        "version": np.full(every, _version(batch) + 1, np.uint64),
        "deleted": np.ones(every, np.uint8),
    }


def _version(batch: Batch) -> int:
    """What is read later counts more; of what was read at once, that it was refused."""
    return max(0, batch.read_ms) * 2


def _ints(items: Iterable[Any], field: Callable[[Any], int]) -> Ints:
    return np.fromiter(map(field, items), np.int64)


@lru_cache(maxsize=65_536)
def _cleaned(name: str) -> str:
    return clean_name(name)


class StreamNames:
    """Sees to it that an id means the same stream there as here."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: set[int] = set()

    def check(self, batch: Batch) -> None:
        """Raises `StoreUnavailable` when the tables were filled by another installation."""
        unknown = {
            part.stream.id: part.stream
            for part in batch.slices
            if part.stream.id not in self._known
        }
        if not unknown:
            return
        ids = ", ".join(map(str, unknown))
        rows = self._engine.rows(
            f"SELECT id, broker, topic, partition FROM {self._engine.table('streams')} WHERE id IN ({ids})"
        )
        told = {id: names for id, *names in rows}
        for id, stream in unknown.items():
            names = [stream.broker, clean_name(stream.topic, TOPIC_LENGTH), stream.partition]
            if told.get(id, names) != names:
                raise StoreUnavailable(
                    _FOREIGN.format(quoted(self._engine.database), id, *told[id][:2])
                )
        columns = {
            "id": np.array(list(unknown), np.int64),
            "broker": [stream.broker for stream in unknown.values()],
            "topic": [clean_name(one.topic, TOPIC_LENGTH) for one in unknown.values()],
            "partition": np.array([one.partition for one in unknown.values()], np.int32),
        }
        self._engine.insert("streams", columns)
        self._known.update(unknown)


_FOREIGN = (
    "ClickHouse's database {} holds the events of another installation: there stream {} is {} {}. "
    "Name an empty database in CLICKHOUSE_URL, or drop that one."
)
