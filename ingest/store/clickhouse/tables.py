"""The tables, plain and on a cluster of the user's own. Pure: statements only.

``events`` is in the order in which lists are read; a row is named by (append time, stream, position), and of
rows of one name the one with the highest version counts, whatever the server has merged so far. ``keys`` is
in the order of hashes: ids are looked up there by one seek a part, and marks as stretches of numbers.
``streams`` tells which stream an id stands for. Both large tables are parted by the day of append.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["DAY_MS", "Cluster", "column_types", "create_statements", "table_names"]

DAY_MS = 86_400_000

_DURABLE = "fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1"
"""What the server has answered for outlives a loss of power, as in the databases that hold the checkpoint."""
_UNREMEMBERED = "deduplication_window = 0"
"""Inserts are not remembered: the server notes that it has one before it has it, and would take a repetition for done."""


class Cluster(NamedTuple):
    """As ``remote_servers`` of the servers names it; ``{shard}`` and ``{replica}`` are their macros."""

    name: str


class _Table(NamedTuple):
    name: str
    columns: tuple[tuple[str, str, str], ...]
    version: str
    order: str
    sharding: str
    parted: bool
    skipping: str = ""


_EVENTS = _Table(
    "events",
    (
        ("appended_ms", "Int64", "CODEC(DoubleDelta, ZSTD(1))"),
        ("stream_id", "Int64", "CODEC(T64, ZSTD(1))"),
        ("major", "Int64", "CODEC(DoubleDelta, ZSTD(1))"),
        ("minor", "Int64", "CODEC(Delta(8), ZSTD(1))"),
        ("occurred_ms", "Int64", "CODEC(Delta(8), ZSTD(1))"),
        ("type", "LowCardinality(String)", ""),
        ("source", "LowCardinality(String)", ""),
        ("topic", "LowCardinality(String)", ""),
        ("size", "UInt64", "CODEC(T64, ZSTD(1))"),
        ("flags", "UInt16", "CODEC(T64, ZSTD(1))"),
        ("headers", "String", "CODEC(ZSTD(3))"),
        ("body", "String", "CODEC(ZSTD(3))"),
        ("version", "UInt64", "CODEC(Delta(8), ZSTD(1))"),
        ("deleted", "UInt8", ""),
    ),
    "version, deleted",
    "appended_ms, stream_id, major, minor",
    "cityHash64(stream_id, major, minor)",
    parted=True,
    skipping="INDEX type_of type TYPE set(64) GRANULARITY 4",
)
_KEYS = _Table(
    "keys",
    (
        ("hash", "UInt64", "CODEC(Delta(8), ZSTD(1))"),
        ("appended_ms", "Int64", "CODEC(T64, ZSTD(1))"),
        ("stream_id", "Int64", "CODEC(T64, ZSTD(1))"),
        ("minor", "Int64", "CODEC(T64, ZSTD(1))"),
    ),
    "",
    "hash, appended_ms, stream_id, minor",
    "hash",
    parted=True,
)
_STREAMS = _Table(
    "streams",
    (
        ("id", "Int64", ""),
        ("broker", "String", ""),
        ("topic", "String", ""),
        ("partition", "Int32", ""),
    ),
    "",
    "id, broker, topic, partition",
    "id",
    parted=False,
)


_TYPES = {
    table.name: {name: type for name, type, _ in table.columns}
    for table in (_EVENTS, _KEYS, _STREAMS)
}


def create_statements(database: str, cluster: Cluster | None = None) -> Iterator[str]:
    """All that makes the tables, where they are not there yet."""
    if cluster is None:
        yield f"CREATE DATABASE IF NOT EXISTS {database}"
        for table in (_EVENTS, _KEYS, _STREAMS):
            engine = f"ReplacingMergeTree({table.version})"
            yield _create(
                f"{database}.{table.name}", table, engine, f"non_replicated_{_UNREMEMBERED}"
            )
        return
    on = f" ON CLUSTER '{cluster.name}'"
    yield f"CREATE DATABASE IF NOT EXISTS {database}{on}"
    for table in (_EVENTS, _KEYS, _STREAMS):
        local = f"{table.name}_local"
        version = f", {table.version}" if table.version else ""
        place = f"/clickhouse/tables/{{shard}}/{database}/{local}"
        engine = f"ReplicatedReplacingMergeTree('{place}', '{{replica}}'{version})"
        yield _create(f"{database}.{local}{on}", table, engine, f"replicated_{_UNREMEMBERED}")
        yield (
            f"CREATE TABLE IF NOT EXISTS {database}.{table.name}{on} AS {database}.{local}\n"
            f"ENGINE = Distributed('{cluster.name}', '{database}', '{local}', {table.sharding})"
        )


def table_names() -> tuple[str, ...]:
    """The tables that are read and written."""
    return tuple(_TYPES)


def column_types(table: str) -> dict[str, str]:
    """Types by column, as the server names them."""
    return _TYPES[table]


def _create(name: str, table: _Table, engine: str, window: str) -> str:
    lines = [" ".join(column).rstrip() for column in table.columns]
    columns = ",\n".join(f"    {line}" for line in [*lines, *filter(None, [table.skipping])])
    parted = f"PARTITION BY intDiv(appended_ms, {DAY_MS})\n" if table.parted else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {name}\n(\n{columns}\n)\n"
        f"ENGINE = {engine}\n{parted}ORDER BY ({table.order})\n"
        f"SETTINGS index_granularity = 1024, {window}, {_DURABLE}"
    )
