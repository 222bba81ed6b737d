"""The explore app."""

from __future__ import annotations

from django.apps import AppConfig


class ExploreConfig(AppConfig):
    name = "dashboard.explore"
    label = "explore"

    def ready(self) -> None:
        from dashboard.explore import checks  # noqa: F401 (registers itself)
