"""Counts and latencies of batches. Written only through `ingest.folds`."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["MetricPiece"]


class MetricPiece(models.Model):
    """Counts of one bucket as added by one batch (or merged): a sparse vector of cells.

    ``data`` packs sorted (cell, count) pairs; a cell is series × 65536 + code (`ingest.folds.cells`).
    Pieces of one bucket are summed when read; merging them changes nothing that is seen.
    """

    resolution = models.IntegerField(help_text="seconds: 1, 60 or 3600")
    bucket_ms = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["resolution", "bucket_ms"], name="piece_bucket")]
