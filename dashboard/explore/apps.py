"""The explore app."""

from __future__ import annotations

from django.apps import AppConfig


class ExploreConfig(AppConfig):
    name = "dashboard.explore"
    label = "explore"
