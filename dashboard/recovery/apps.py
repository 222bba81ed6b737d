"""The recovery app."""

from __future__ import annotations

from django.apps import AppConfig


class RecoveryConfig(AppConfig):
    name = "dashboard.recovery"
    label = "recovery"
