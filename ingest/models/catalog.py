"""What payloads look like, by type and version (`ingest.folds.catalog`)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["CatalogPiece", "EventSchema"]


class CatalogPiece(models.Model):
    """What one batch's samples look like; summed up into `EventSchema` and deleted (`ingest.folds.catalog`)."""

    at_ms = models.BigIntegerField()
    data = models.BinaryField()


class EventSchema(models.Model):
    """What payloads of one type and version look like, as far as it was learnt (`ingest.shapes`)."""

    type = models.CharField(max_length=200)
    version = models.CharField(max_length=64, default="", blank=True)
    samples = models.BigIntegerField()
    first_ms = models.BigIntegerField()
    seen_ms = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["type", "version"], name="schema_of_version")
        ]
