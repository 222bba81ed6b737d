"""Merging key runs, so that a look-up seeks in few of them. See `ingest.models.KeyRun` for the steps.

Every step is one transaction of bounded size and leaves a store that is whole: a run being built is
not read, its inputs are until it takes their place. Who is killed between steps is gone on from
there; two who work at once (which the lease prevents) find the other's progress and leave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.db.models import F

from ingest.models import Block, KeyPage, KeyRun
from ingest.store.keys import HASH_BITS, Page, Run, cut_pages, merge_runs
from ingest.store.snapshot import EVENTS

__all__ = ["FAN_IN", "MAX_LEVEL", "clean_step", "merge_step"]

FAN_IN = 8
MAX_LEVEL = 4
STEP_PAGES = 128
CLEAN_PAGES = 1024
_END = 1 << HASH_BITS
_DROPPED = 0xFFFF

_Indexes = npt.NDArray[np.uint16]


class _Input(NamedTuple):
    """A run to be merged: ``indexes`` maps its block indexes to the new run's (or to _DROPPED)."""

    id: int
    indexes: _Indexes


class _Part(NamedTuple):
    """What one input gives to a step: keys in order, complete below ``bound``."""

    keys: Run
    bound: int


class _Overtaken(Exception):
    """Another worker made this step."""


def merge_step() -> bool:
    """Begin a merge that is due or bring the one begun further; whether there was any."""
    try:
        building = KeyRun.objects.filter(state=KeyRun.State.BUILDING).order_by("id").first()
        if building is None:
            building = _begin()
        if building is None:
            return False
        _advance(building)
    except _Overtaken:
        return True
    return True


def clean_step() -> bool:
    """Delete some pages of dead runs; whether there were any."""
    dead = KeyRun.objects.filter(state=KeyRun.State.DEAD).order_by("id").first()
    if dead is None:
        return False
    pages = KeyPage.objects.filter(run=dead).order_by("last", "id")
    ids = list(pages.values_list("id", flat=True)[:CLEAN_PAGES])
    with transaction.atomic(using=EVENTS):
        KeyPage.objects.filter(id__in=ids).delete()
        if len(ids) < CLEAN_PAGES:
            dead.delete()
    return True


def _begin() -> KeyRun | None:
    """Step 1: the building run of the lowest level that has enough runs to merge."""
    for level in range(MAX_LEVEL):
        runs = KeyRun.objects.filter(state=KeyRun.State.LIVE, level=level, merged_into=None)
        oldest = list(runs.order_by("first_ms", "id"))
        if level == 0:
            oldest = _sealed(oldest)
        if len(oldest) >= FAN_IN:
            return _build(oldest[:FAN_IN], level + 1)
    return None


def _sealed(runs: Sequence[KeyRun]) -> list[KeyRun]:
    blocks = {int(_block_ids(run)[0]): run for run in runs}
    sealed = Block.objects.filter(id__in=list(blocks), sealed=True).values_list("id", flat=True)
    taken = {blocks[id].pk for id in sealed}
    return [run for run in runs if run.pk in taken]


def _build(inputs: Sequence[KeyRun], level: int) -> KeyRun:
    pointed = np.concatenate([_block_ids(run) for run in inputs]).tolist()
    living = _living(pointed)
    ids = [id for id in pointed if id in living]
    with transaction.atomic(using=EVENTS):
        building = KeyRun.objects.create(
            level=level,
            state=KeyRun.State.BUILDING,
            keys=0,
            first_ms=min(run.first_ms for run in inputs),
            last_ms=max(run.last_ms for run in inputs),
            blocks=np.array(ids, "<i8").tobytes(),
        )
        free = KeyRun.objects.filter(
            id__in=[run.pk for run in inputs], state=KeyRun.State.LIVE, merged_into=None
        )
        if free.update(merged_into=building.pk) != len(inputs):
            raise _Overtaken
    return building


def _living(ids: Sequence[int]) -> set[int]:
    """Those of the blocks that retention has not deleted."""
    found: set[int] = set()
    for start in range(0, len(ids), 500):
        some = Block.objects.filter(id__in=ids[start : start + 500])
        found.update(some.values_list("id", flat=True))
    return found


def _advance(building: KeyRun) -> None:
    """Steps 2 and 3: write the next stretch of hashes; after the last one, change places."""
    inputs = _inputs(building)
    parts = [_read_part(one, building.progress, len(inputs)) for one in inputs]
    bound = min((part.bound for part in parts), default=_END)
    if bound <= building.progress:
        _write(building, _one_hash(inputs, building.progress), building.progress + 1)
        return
    merged = merge_runs([_below(part.keys, bound) for part in parts])
    _write(building, iter([merged]), bound)


def _inputs(building: KeyRun) -> list[_Input]:
    ids = _block_ids(building)
    order = np.argsort(ids)
    inputs = []
    for run in KeyRun.objects.filter(merged_into=building.pk).order_by("first_ms", "id"):
        own = _block_ids(run)
        places = np.searchsorted(ids, own, sorter=order)
        places[places == len(ids)] = 0
        indexes = order[places] if len(ids) else places
        found = ids[indexes] == own if len(ids) else np.zeros(len(own), bool)
        inputs.append(_Input(run.pk, np.where(found, indexes, _DROPPED).astype(np.uint16)))
    return inputs


def _read_part(one: _Input, progress: int, inputs: int) -> _Part:
    """The next pages of an input, as many as leave each its share of the step's memory."""
    size = max(2, STEP_PAGES // inputs)
    pages = KeyPage.objects.filter(run_id=one.id, last__gte=progress).order_by("last", "id")
    rows = list(pages.values_list("first", "last", "data")[:size])
    keys = Run.joined([_renamed(one, first, data) for first, _, data in rows])
    keys = keys.part(np.searchsorted(keys.hashes, np.uint64(progress)), len(keys.hashes))
    return _Part(keys, rows[-1][1] if len(rows) == size else _END)


def _renamed(one: _Input, first: int, data: bytes | memoryview) -> Run:
    """A page's keys under the new run's block indexes, those of deleted blocks left out."""
    page = Page(first, data).run()
    blocks = one.indexes[page.blocks]
    kept = blocks != _DROPPED
    return Run(page.hashes[kept], blocks[kept], page.rows[kept])


def _below(keys: Run, bound: int) -> Run:
    return keys.part(0, np.searchsorted(keys.hashes, np.uint64(bound)))


def _one_hash(inputs: Sequence[_Input], value: int) -> Iterator[Run]:
    """The keys of a hash that fills pages by itself, a few at a time, input by input."""
    for one in inputs:
        pages = KeyPage.objects.filter(run_id=one.id, last__gte=value, first__lte=value)
        for row in pages.order_by("last", "id").values_list("first", "data").iterator(16):
            keys = _renamed(one, *row)
            first, end = np.searchsorted(keys.hashes, np.array([value, value + 1], np.uint64))
            yield keys.part(first, end)


def _write(building: KeyRun, runs: Iterator[Run], bound: int) -> None:
    with transaction.atomic(using=EVENTS):
        mine = KeyRun.objects.filter(
            id=building.pk, state=KeyRun.State.BUILDING, progress=building.progress
        )
        if mine.update(progress=bound) != 1:
            raise _Overtaken
        keys = 0
        for run in runs:
            keys += len(run.hashes)
            KeyPage.objects.bulk_create(
                KeyPage(run_id=building.pk, first=page.first, last=page.last, data=page.data)
                for page in cut_pages(run)
            )
        KeyRun.objects.filter(id=building.pk).update(keys=F("keys") + keys)
        if bound >= _END:
            KeyRun.objects.filter(merged_into=building.pk).update(
                state=KeyRun.State.DEAD, merged_into=None
            )
            KeyRun.objects.filter(id=building.pk).update(state=KeyRun.State.LIVE)


def _block_ids(run: KeyRun) -> npt.NDArray[np.int64]:
    return np.frombuffer(bytes(run.blocks), "<i8")
