"""Ingest: what comes from the brokers, stored exactly once."""

from __future__ import annotations

from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "ingest"
    label = "ingest"

    def ready(self) -> None:
        from ingest import checks  # noqa: F401 (registers itself)
