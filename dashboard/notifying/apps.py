"""The notifying app."""

from __future__ import annotations

from django.apps import AppConfig


class NotifyingConfig(AppConfig):
    name = "dashboard.notifying"
    label = "notifying"
