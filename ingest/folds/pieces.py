"""Writing what a batch adds to the buckets, and joining the pieces of a bucket.

Joining reads the pieces of one bucket, writes their sum and deletes exactly what was read, in one
transaction; the number deleted is looked at, so two workers that join the same bucket cannot both
succeed, and pieces that arrive meanwhile are not touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import structlog
from django.db import transaction
from django.db.models import Count, Max

from ingest.folds.cells import CorruptCells, encode_cells, merge_cells, open_cells
from ingest.folds.metrics import Buckets
from ingest.models import MetricPiece

__all__ = ["Merged", "PieceKeeper", "keeper", "merge_pieces", "write_pieces"]

log = structlog.get_logger(__name__)

EVENTS = "events"
MOST_AT_ONCE = 64
_LOOK = 5_000
_SWEEP = 5_000
Bucket = tuple[int, int]


class Merged(NamedTuple):
    """The piece that stands for those joined, and how many the bucket has now."""

    id: int
    left: int


class _Raced(Exception):
    """Another worker joined these pieces first."""


def write_pieces(buckets: Buckets) -> None:
    """One row a bucket, in the caller's transaction."""
    MetricPiece.objects.bulk_create(
        [
            MetricPiece(resolution=resolution, bucket_ms=bucket_ms, data=encode_cells(vector))
            for (resolution, bucket_ms), vector in buckets.items()
        ],
        batch_size=300,
    )


def merge_pieces(resolution: int, bucket_ms: int, *, limit: int = MOST_AT_ONCE) -> Merged | None:
    """Join the smallest ``limit`` pieces of a bucket; None if there was nothing to join."""
    try:
        with transaction.atomic(using=EVENTS):
            return _join(resolution, bucket_ms, limit)
    except _Raced:
        return None
    except CorruptCells as error:
        log.error(
            "a metric piece is damaged; its bucket is left as it is",
            action="folds.corrupt_piece",
            resolution=resolution,
            bucket_ms=bucket_ms,
            error=str(error),
        )
        return None


def _join(resolution: int, bucket_ms: int, limit: int) -> Merged | None:
    rows = MetricPiece.objects.filter(resolution=resolution, bucket_ms=bucket_ms)
    pieces = list(rows.order_by("id").values_list("id", "data")[: 4 * MOST_AT_ONCE])
    chosen = sorted(pieces, key=lambda piece: len(piece[1]))[:limit]
    if len(chosen) < 2:
        return None
    total = merge_cells([open_cells(data) for _, data in chosen])
    merged = MetricPiece.objects.create(
        resolution=resolution, bucket_ms=bucket_ms, data=encode_cells(total)
    )
    deleted, _ = rows.filter(id__in=[number for number, _ in chosen]).delete()
    if deleted != len(chosen):
        raise _Raced
    return Merged(merged.pk, len(pieces) - len(chosen) + 1)


class _Touched(NamedTuple):
    pieces: int
    at: float


class PieceKeeper:
    """Decides which bucket to join next, from what was added to the table since it last looked.

    A bucket is joined when it has gathered ``many`` pieces (the smallest ones, so that a large sum is
    not written again for every few small ones), and wholly once it has been left alone for ``quiet``
    seconds. What was there before this process is found by a sweep over the index, now and then
    repeated for what slipped through (ids of other workers may be committed out of order).
    """

    def __init__(
        self,
        *,
        many: int = 16,
        quiet: float = 20.0,
        sweep_every: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._many = many
        self._quiet = quiet
        self._sweep_every = sweep_every
        self._clock = clock
        self._touched: dict[Bucket, _Touched] = {}
        self._newest = -1
        self._merged: set[int] = set()
        self._next_sweep = clock()

    def step(self) -> bool:
        """Look what was added, join the pieces of at most one bucket; True if more waits."""
        now = self._clock()
        if now >= self._next_sweep:
            self._sweep(now)
        self._look(now)
        bucket = self._due(now)
        if bucket is None:
            return False
        quiet = self._touched[bucket].at <= now - self._quiet
        merged = merge_pieces(*bucket, limit=MOST_AT_ONCE if quiet else self._many)
        if merged is None:
            del self._touched[bucket]
        else:
            self._merged.add(merged.id)
            self._touched[bucket] = self._touched[bucket]._replace(pieces=merged.left)
        return self._due(now) is not None

    def _look(self, now: float) -> None:
        """Pieces inserted since; their blobs are not read."""
        rows = MetricPiece.objects.filter(id__gt=self._newest).order_by("id")
        for id, *bucket in rows.values_list("id", "resolution", "bucket_ms")[:_LOOK]:
            self._newest = id
            if id in self._merged:
                self._merged.discard(id)
                continue
            place = (bucket[0], bucket[1])
            known = self._touched.pop(place, None)
            self._touched[place] = _Touched(1 + (known.pieces if known else 0), now)

    def _due(self, now: float) -> Bucket | None:
        """`_look` moves what it sees to the end, so the first is the one left alone longest."""
        while self._touched:
            bucket, touched = next(iter(self._touched.items()))
            if touched.at > now - self._quiet:
                break
            if touched.pieces > 1:
                return bucket
            del self._touched[bucket]
        full = (b for b, touched in self._touched.items() if touched.pieces >= self._many)
        return next(full, None)

    def _sweep(self, now: float) -> None:
        """All buckets with several pieces; those not known yet count as left alone."""
        self._next_sweep = now + self._sweep_every
        if self._newest < 0:
            self._newest = MetricPiece.objects.aggregate(newest=Max("id"))["newest"] or 0
        found = (
            MetricPiece.objects.values("resolution", "bucket_ms")
            .annotate(pieces=Count("id"))
            .filter(pieces__gt=1)
            .order_by("-bucket_ms")[:_SWEEP]
        )
        left = {
            (row["resolution"], row["bucket_ms"]): _Touched(row["pieces"], now - self._quiet)
            for row in found
            if (row["resolution"], row["bucket_ms"]) not in self._touched
        }
        self._touched = {**left, **self._touched}


keeper = PieceKeeper()
"""The one of this process."""
