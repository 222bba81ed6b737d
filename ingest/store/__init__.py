"""Where events are kept: `base` is the interface, `sql` the store over SQLite and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.store.sql import SqlEventStore

__all__ = ["open_store"]


def open_store() -> SqlEventStore:
    """The store that the configuration names. Models are imported late, as apps load this package."""
    from ingest.store.sql import SqlEventStore

    return SqlEventStore()
