"""Writing encoded blocks, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingest.models import Block, Frame, KeyPage, KeyRun, Posting
from ingest.store.blocks import SPAN_WIDTHS_MS, span_class
from ingest.store.encoding import EncodedBlock
from ingest.store.keys import PageData
from ingest.store.marks import VERSION
from ingest.store.snapshot import EVENTS

__all__ = ["SEAL_BYTES", "SEAL_ROWS", "SEAL_SPAN", "delete_blocks", "insert_block", "insert_run"]

SEAL_ROWS = 4096
SEAL_BYTES = 4 * 1024 * 1024
SEAL_SPAN = next(index for index, width in enumerate(SPAN_WIDTHS_MS) if width >= 24 * 3_600_000)
"""A block that reaches over a day or more is not joined, lest retention wait for it."""


def insert_block(encoded: EncodedBlock, *, seal: bool = False, marks: int = VERSION) -> int:
    """Insert the block with frames, postings and its level-0 run; its id.

    ``marks`` is the version of the marks among its keys.
    """
    span = span_class(encoded.first_ms, encoded.last_ms)
    block = Block.objects.create(
        rows=encoded.rows,
        first_ms=encoded.first_ms,
        last_ms=encoded.last_ms,
        span=span,
        sealed=seal or _is_large(encoded) or span >= SEAL_SPAN,
        size=encoded.size,
        columns=encoded.columns,
        marks=marks,
    )
    Frame.objects.bulk_create(
        Frame(block_id=block.id, number=number, data=data)
        for number, data in enumerate(encoded.frames)
    )
    Posting.objects.bulk_create(
        Posting(
            series_id=series,
            block_id=block.id,
            first_ms=encoded.first_ms,
            last_ms=encoded.last_ms,
            rows=rows,
        )
        for series, rows in encoded.series.items()
    )
    insert_run(block.id, 0, encoded.keys, (encoded.first_ms, encoded.last_ms), encoded.pages)
    return block.id


def delete_blocks(ids: Sequence[int], **where: bool) -> int:
    """Delete blocks that fit ``where``, with frames and postings; how many they were."""
    if not ids:
        return 0
    # Blocks first: whoever deletes or joins them waits here, and never holding their frames. Django's
    # own delete would look for frames and postings again; the constraints wait for the commit.
    deleted: int = Block.objects.filter(id__in=ids, **where)._raw_delete(EVENTS)
    Frame.objects.filter(block_id__in=ids).delete()
    Posting.objects.filter(block_id__in=ids).delete()
    return deleted


def _is_large(encoded: EncodedBlock) -> bool:
    return encoded.rows >= SEAL_ROWS or encoded.raw_bytes >= SEAL_BYTES


def insert_run(
    block_id: int, level: int, keys: int, bounds: tuple[int, int], pages: Sequence[PageData]
) -> None:
    """A run of ``keys`` keys that point to one block, whose events lie in ``bounds`` (ms, inclusive)."""
    run = KeyRun.objects.create(
        level=level,
        keys=keys,
        first_ms=bounds[0],
        last_ms=bounds[1],
        blocks=np.array([block_id], "<i8").tobytes(),
    )
    KeyPage.objects.bulk_create(
        KeyPage(run_id=run.id, first=page.first, last=page.last, data=page.data) for page in pages
    )
