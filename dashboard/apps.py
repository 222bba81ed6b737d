"""The dashboard: pages, API and live hub over what ingest stored.

Here, where all capabilities are known, what one tells is handed to the other (they do not import
each other).
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import pre_migrate

from dashboard.pooler import look_at_first_connection, refuse_to_migrate


class DashboardConfig(AppConfig):
    name = "dashboard"
    label = "dashboard"

    def ready(self) -> None:
        pre_migrate.connect(make_schema, dispatch_uid="eventscope-schema")
        look_at_first_connection()

        from dashboard.alerts.queries import firing_count
        from dashboard.live.tiles import TileSource, register_tile

        register_tile(
            TileSource(
                key="alerts",
                label="Firing alerts",
                read=firing_count,
                none="all quiet",
                some="to look at",
            )
        )


def make_schema(using: str, **_: Any) -> None:
    """On PostgreSQL each database has a schema of its own; it is there before its tables are."""
    from django.db import connections

    connection = connections[using]
    refuse_to_migrate(connection)
    schema = connection.settings_dict.get("SCHEMA")
    if schema and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {connection.ops.quote_name(schema)}")
