"""Marking what was stored before its marks were as they are now: a block at a time, in the background."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from django.db import transaction

from ingest.models import Block, Stream
from ingest.store.blocks import Rows
from ingest.store.keys import Run, cut_pages, hash_marks
from ingest.store.marks import VERSION, marks_of
from ingest.store.proof import Decoder
from ingest.store.reading import BlockReader, LoadedBlock
from ingest.store.series import OVERFLOW
from ingest.store.snapshot import EVENTS, snapshot
from ingest.store.writing import insert_run
from ingest.system import RECEIPT_TYPES

__all__ = ["remark_step"]

_TELLING = frozenset((*RECEIPT_TYPES, "DeadLettered", OVERFLOW))
_LEVEL = 1
"""Level 0 has one run a block, which joining takes away with it; a sealed block is not joined."""


def remark_step(reader: BlockReader, decode: Decoder) -> bool:
    """Mark the newest sealed block that has old marks, or none; whether there was any.

    What is to be written is made before the database is locked for it.
    """
    old = Block.objects.filter(marks__lt=VERSION, sealed=True)
    id = old.order_by("-id").values_list("id", flat=True).first()
    if id is None:
        return False
    with snapshot():
        found = [(block, _marks(block, reader, decode)) for block in reader.load([id]).values()]
    with transaction.atomic(using=EVENTS):
        if Block.objects.filter(id=id, marks__lt=VERSION).update(marks=VERSION):
            for block, keys in found:
                _write(block, keys)
    return True


def _marks(block: LoadedBlock, reader: BlockReader, decode: Decoder) -> Run:
    dead = set(Stream.objects.filter(dead_letters=True).values_list("id", flat=True))
    rows = list(_telling(block.rows, dead, reader))
    marks: dict[int, set[int]] = {}
    events = reader.events([(block, row) for row in rows])
    for row, event in zip(rows, events, strict=True):
        record = decode(event)
        if record is not None:
            marks[row] = marks_of(record, dead_letter=event.stream_id in dead)
    return hash_marks(marks)


def _write(block: LoadedBlock, keys: Run) -> None:
    if len(keys.hashes):
        bounds = int(block.rows.appended[0]), int(block.rows.appended[-1])
        insert_run(block.id, _LEVEL, len(keys.hashes), bounds, list(cut_pages(keys)))


def _telling(rows: Rows, dead: set[int], reader: BlockReader) -> Iterator[int]:
    """Rows that may tell of handlings."""
    types = {id: reader.names.series(id).type for id in np.unique(rows.series).tolist()}
    telling = [id for id, type in types.items() if type in _TELLING]
    chosen = np.isin(rows.series, telling) | np.isin(rows.streams, sorted(dead))
    yield from np.flatnonzero(chosen).tolist()
