"""Joining small blocks: at low rates a batch holds a handful of events, and a block should not.

A join is one transaction: the old blocks are deleted on condition that they are still there and not
sealed, and the new one is inserted. A reader sees the ones or the other, for it reads one snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from django.db import transaction

from ingest.models import Block, Frame, KeyPage, KeyRun
from ingest.store.blocks import Rows, decode_rows, frame_texts
from ingest.store.encoding import EncodedBlock, encode_block
from ingest.store.keys import Page, Run, renumber
from ingest.store.snapshot import EVENTS
from ingest.store.writing import SEAL_ROWS, delete_blocks, insert_block

__all__ = ["Plan", "Small", "join_blocks", "join_step", "plan_join"]

TIER_ROWS = 256
TIER_BLOCKS = 16
MAX_SPAN_MS = 86_400_000
MAX_BLOCKS = 64
MAX_SIZE = 2 * 1024 * 1024


class Small(NamedTuple):
    """A block that is not sealed."""

    id: int
    rows: int
    first_ms: int
    last_ms: int
    size: int


class Plan(NamedTuple):
    """Blocks to be made one; ``seal``: nothing further shall be joined to the result."""

    ids: list[int]
    seal: bool


class _Gone(Exception):
    """Another worker took a block that was to be joined."""


def plan_join(blocks: Sequence[Small]) -> Plan | None:
    """What to join of the unsealed ``blocks``, given oldest first; None if nothing is due.

    1. Blocks that lie a day before the newest are joined and sealed: what follows is too far off.
    2. Blocks that fill a whole one together are joined; one that does so alone is sealed.
    3. Else sixteen tiny ones make a middling one, so that there are never many of either.
    """
    if not blocks:
        return None
    near = _prefix(blocks)
    if blocks[-1].last_ms - blocks[0].first_ms > MAX_SPAN_MS:
        return Plan([block.id for block in near], seal=True)
    if len(near) < len(blocks) or sum(block.rows for block in near) >= SEAL_ROWS:
        return Plan([block.id for block in near], seal=False)
    tiny = [block.id for block in blocks if block.rows < TIER_ROWS]
    if len(tiny) >= TIER_BLOCKS:
        return Plan(tiny[:TIER_BLOCKS], seal=False)
    return None


def _prefix(blocks: Sequence[Small]) -> list[Small]:
    """The oldest blocks that make a full one, within a day and the bounds of memory."""
    taken: list[Small] = []
    rows = size = 0
    for block in blocks[:MAX_BLOCKS]:
        if taken and (
            rows >= SEAL_ROWS
            or size + block.size > MAX_SIZE
            or block.last_ms - taken[0].first_ms > MAX_SPAN_MS
        ):
            break
        taken.append(block)
        rows += block.rows
        size += block.size
    return taken


def join_step() -> bool:
    """Join once, if joining is due; whether it was."""
    rows = Block.objects.filter(sealed=False).order_by("last_ms", "id")
    fields = ("id", "rows", "first_ms", "last_ms", "size")
    plan = plan_join([Small(*row) for row in rows.values_list(*fields)[: 4 * MAX_BLOCKS]])
    if plan is None:
        return False
    try:
        join_blocks(plan)
    except _Gone:
        return True
    return True


def join_blocks(plan: Plan) -> None:
    """Make one block of those planned, all or nothing."""
    with transaction.atomic(using=EVENTS):
        if len(plan.ids) == 1:
            Block.objects.filter(id__in=plan.ids).update(sealed=True)
            return
        encoded, marks = _joined(plan.ids)
        runs = [run_id for run_id, _ in _runs(plan.ids).values()]
        if delete_blocks(plan.ids, sealed=False) != len(plan.ids):
            raise _Gone
        KeyPage.objects.filter(run_id__in=runs).delete()
        KeyRun.objects.filter(id__in=runs).delete()
        insert_block(encoded, seal=plan.seal, marks=marks)


def _joined(ids: list[int]) -> tuple[EncodedBlock, int]:
    """The blocks as one, and the oldest version of their marks."""
    columns: list[Rows] = []
    texts: list[bytes] = []
    keys: list[tuple[Run, int]] = []
    blocks = Block.objects.select_for_update().filter(id__in=ids, sealed=False).order_by("id")
    found = list(blocks.values_list("id", "columns", "marks"))
    if len(found) != len(ids):
        raise _Gone
    runs = _runs(ids)
    for id, blob, _ in found:
        rows, starts = decode_rows(bytes(blob))
        keys.append((runs[id][1], len(texts)))
        columns.append(rows)
        texts += _texts(id, rows, starts)
    rows = Rows(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))
    order = np.lexsort((rows.minor, rows.major, rows.streams, rows.appended))
    encoded = encode_block(
        rows.take(order), [texts[index] for index in order.tolist()], renumber(keys, order)
    )
    return encoded, min(marks for _, _, marks in found)


def _texts(block_id: int, rows: Rows, starts: list[int]) -> list[bytes]:
    """Headers + body of every row."""
    lengths, texts = rows.lengths, []
    ends = [*starts[1:], len(lengths)]
    frames = Frame.objects.filter(block_id=block_id).order_by("number")
    for data, first, end in zip(frames.values_list("data", flat=True), starts, ends, strict=True):
        part = slice(first, end)
        found = frame_texts(
            bytes(data), lengths[part], rows.header_lengths[part], range(end - first)
        )
        texts += [headers + body for headers, body in found]
    return texts


def _runs(ids: list[int]) -> dict[int, tuple[int, Run]]:
    """The level-0 run of each block: its id and its keys."""
    wanted = {np.array([id], "<i8").tobytes(): id for id in ids}
    found: dict[int, tuple[int, Run]] = {}
    runs = KeyRun.objects.filter(level=0, state=KeyRun.State.LIVE)
    for run_id, blocks in runs.values_list("id", "blocks"):
        block = wanted.get(bytes(blocks))
        if block is not None:
            pages = KeyPage.objects.filter(run_id=run_id).order_by("last", "id")
            parts = [Page(first, data).run() for first, data in pages.values_list("first", "data")]
            found[block] = (run_id, Run.joined(parts))
    return found
