"""What a batch does to counted and folded state; called inside the batch's transaction."""

from __future__ import annotations

from typing import Protocol

from django.conf import settings

from ingest.folds.metrics import fold_metrics
from ingest.folds.pieces import keeper, write_pieces
from ingest.records import Batch

__all__ = ["SeriesCodes", "apply_folds", "maintain"]


class SeriesCodes(Protocol):
    """What the folds need of the dictionary of series (the store has the one that is used)."""

    def code(self, type: str, source: str, consumer: str, topic: str) -> int: ...


def apply_folds(batch: Batch, series: SeriesCodes) -> None:
    """Fold ``batch`` into metrics and state, in the transaction that advances its checkpoint.

    Being in that transaction is what makes a repeated batch count once.
    """
    kept_ms = int(settings.INGEST.retention.metrics.second * 1000)
    buckets = fold_metrics(batch, series.code, seconds_from_ms=batch.read_ms - kept_ms)
    write_pieces(buckets)
    keeper.note(buckets)


def maintain() -> bool:
    """One bounded step of joining metric pieces; True if more waits. Opens its own transaction."""
    return keeper.step()
