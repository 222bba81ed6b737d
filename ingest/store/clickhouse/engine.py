"""The one way to ClickHouse: statements in, rows out, errors in our own words.

Two adapters, both of `clickhouse-connect`: HTTP to a server, and the same engine embedded (chdb), which
one process alone can open.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from ingest.options import StoreOptions
from ingest.store.base import StoreError, StoreUnavailable
from ingest.store.clickhouse.tables import column_types
from ingest.store.snapshot import ReadingTooLong

__all__ = ["DATABASE", "Engine", "Row", "database_of", "quoted"]

DATABASE = "eventscope"
"""Unless the address names another."""
_QUERY_BYTES = 4 * 1024 * 1024
_TOO_LONG = frozenset((159, 160, 209))
"""TIMEOUT_EXCEEDED, TOO_SLOW, SOCKET_TIMEOUT."""
_TOO_MUCH = frozenset((158, 241, 307, 396))
"""TOO_MANY_ROWS, MEMORY_LIMIT_EXCEEDED, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES."""
_BYTES: dict[str, str | dict[str, str]] = {"body": "bytes", "headers": "bytes"}

Row = tuple[Any, ...]


class Engine:
    """A server or an embedded engine; connected when first asked, shared by threads.

    ``reading`` limits each statement that reads, in seconds; 0 is without limit.
    """

    def __init__(self, options: StoreOptions, *, reading: float) -> None:
        self.options = options
        self.database = database_of(options.url)
        self._reading = reading
        self._client: Client | None = None
        self._lock = threading.Lock()

    def table(self, name: str) -> str:
        """The full name of one of our tables."""
        return f"{self.database}.{name}"

    def rows(self, statement: str) -> list[Row]:
        """All rows that ``statement`` selects. Raises `ReadingTooLong`, `StoreUnavailable` or `StoreError`."""
        try:
            result = self._connected().query(
                statement, settings=self._limits(), column_formats=_BYTES
            )
            return [tuple(row) for row in result.result_rows]
        except ClickHouseError as error:
            raise _of_reading(error) from error

    def insert(self, table: str, columns: Mapping[str, Any], *, into: str = "") -> None:
        """Rows, column by column, of ``table`` or of one like it. Raises `StoreUnavailable`.

        The server may have taken them even then. A token of each insert's own keeps it from taking a repetition
        for done: it notes what came before it has it, so that a crash between the two loses it.
        """
        types = column_types(table)
        settings = {
            "insert_deduplication_token": uuid4().hex,
            "async_insert": 0,
            "throw_on_max_partitions_per_insert_block": 0,
            "distributed_foreground_insert": 1,
        }
        values = list(columns.values())
        try:
            self._connected().insert(
                into or table,
                values,
                column_names=list(columns),
                column_type_names=[types[name] for name in columns],
                column_oriented=True,
                database=self.database,
                settings=settings,
            )
        except ClickHouseError as error:
            raise StoreUnavailable(f"ClickHouse does not take events: {error}") from error
        finally:
            # The driver's context refers to itself, so what it holds would stay until the collector runs.
            values.clear()

    def run(self, statement: str) -> None:
        """A statement that answers nothing. Raises `StoreUnavailable`."""
        try:
            self._connected().command(statement, use_database=False)
        except ClickHouseError as error:
            raise StoreUnavailable(f"ClickHouse: {error}") from error

    def version(self) -> str:
        """The server's. Raises `StoreUnavailable`."""
        return str(self._connected().server_version)

    def close(self) -> None:
        """Let go of the connections; the next use opens others."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None:
                try:
                    self._client = _connect(self.options)
                except ClickHouseError as error:
                    raise StoreUnavailable(f"ClickHouse cannot be reached: {error}") from error
            return self._client

    def _limits(self) -> dict[str, Any]:
        limits: dict[str, Any] = {"max_query_size": _QUERY_BYTES}
        if self._reading:
            limits["max_execution_time"] = self._reading
        if self.options.reading_memory:
            limits["max_memory_usage"] = self.options.reading_memory
        return limits


def database_of(url: str) -> str:
    """The database that the address names, `DATABASE` if none."""
    parts = urlsplit(url)
    return DATABASE if parts.scheme == "chdb" else unquote(parts.path.strip("/")) or DATABASE


def quoted(text: str) -> str:
    """``text`` as a literal of ClickHouse's SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _connect(options: StoreOptions) -> Client:
    parts = urlsplit(options.url)
    if parts.scheme == "chdb":
        return clickhouse_connect.get_client(interface="chdb", path=parts.path)
    return clickhouse_connect.get_client(
        interface=parts.scheme,
        host=parts.hostname,
        port=parts.port or 0,
        username=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        connect_timeout=int(options.connect_timeout),
        send_receive_timeout=int(options.timeout),
        autogenerate_session_id=False,
        client_name="eventscope",
    )


def _of_reading(error: ClickHouseError) -> StoreError:
    code = getattr(error, "code", None)
    if code in _TOO_LONG:
        return ReadingTooLong()
    if code in _TOO_MUCH:
        return ReadingTooLong(
            "A reading needed more memory than [store] reading_memory allows; ask for less time or "
            "name a type."
        )
    if code is None:
        return StoreUnavailable(f"ClickHouse cannot be reached: {error}")
    return StoreError(f"ClickHouse: {error}")
