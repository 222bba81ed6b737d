"""Where events are kept: `base` is the interface, `sql` the store over SQLite and PostgreSQL,
`clickhouse` the one over ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.store.base import EventStore

__all__ = ["open_store"]


def open_store() -> EventStore:
    """The store that the configuration names. Models are imported late, as apps load this package."""
    from django.conf import settings

    options = settings.INGEST
    if options.store.url:
        from ingest.store.clickhouse.store import ClickHouseEventStore

        return ClickHouseEventStore(options.store, reading=options.limits.reading)
    from ingest.store.sql import SqlEventStore

    return SqlEventStore()
