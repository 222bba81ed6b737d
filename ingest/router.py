"""Two databases: what ingest writes lives in ``events``, everything of people in ``default``."""

from __future__ import annotations

from typing import Any

__all__ = ["EventsRouter"]

EVENTS = "events"
APP = "ingest"


class EventsRouter:
    """Sends the models of ingest to the ``events`` database and all others to ``default``."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return EVENTS if model._meta.app_label == APP else None

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return self.db_for_read(model)

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool | None:
        return bool((first._meta.app_label == APP) == (second._meta.app_label == APP))

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return (db == EVENTS) == (app_label == APP)
