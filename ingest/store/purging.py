"""Deleting whole blocks that retention has passed, and the runs that point to nothing else."""

from __future__ import annotations

from django.db import transaction

from ingest.models import Block, KeyRun
from ingest.store.base import PurgeReport
from ingest.store.merging import clean_step
from ingest.store.snapshot import EVENTS
from ingest.store.writing import delete_blocks

__all__ = ["PURGE_BLOCKS", "purge_blocks"]

PURGE_BLOCKS = 32


def purge_blocks(*, before_ms: int) -> PurgeReport:
    """Delete the oldest blocks, a bounded number, whose newest event is older than ``before_ms``.

    A run that points to older events only is dead with them; its pages go a few at a time. Keys of
    deleted blocks in other runs are passed over by look-ups and left out by the next merge.
    """
    old = Block.objects.filter(last_ms__lt=before_ms).order_by("last_ms", "id")
    rows = list(old.values_list("id", "rows", "size")[:PURGE_BLOCKS])
    with transaction.atomic(using=EVENTS):
        deleted = delete_blocks([id for id, _, _ in rows])
        if len(rows) < PURGE_BLOCKS:
            passed = KeyRun.objects.filter(last_ms__lt=before_ms, state=KeyRun.State.LIVE)
            passed.filter(merged_into=None).update(state=KeyRun.State.DEAD)
    clean_step()
    if deleted != len(rows):
        return PurgeReport(deleted, 0, 0)
    return PurgeReport(deleted, sum(row[1] for row in rows), sum(row[2] for row in rows))
