"""The dashboard: pages, API and live hub over what ingest stored.

Here, where all capabilities are known, what one tells is handed to the other (they do not import
each other).
"""

from __future__ import annotations

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
    label = "dashboard"

    def ready(self) -> None:
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
