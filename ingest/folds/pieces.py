"""Writing what a batch adds to the buckets, and joining the pieces of a bucket.

Joining reads the pieces of one bucket, writes their sum and deletes exactly what was read, in one
transaction; the number deleted is looked at, so two workers that join the same bucket cannot both
succeed, and pieces that arrive meanwhile are not touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count

from ingest.folds.cells import encode_cells, merge_cells, open_cells
from ingest.folds.metrics import Buckets
from ingest.models import MetricPiece

__all__ = ["PieceKeeper", "keeper", "merge_pieces", "write_pieces"]

EVENTS = "events"
Bucket = tuple[int, int]


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


def merge_pieces(resolution: int, bucket_ms: int, *, limit: int = 64) -> bool:
    """Join the smallest ``limit`` pieces of a bucket; False if there was nothing to join."""
    try:
        with transaction.atomic(using=EVENTS):
            return _join(resolution, bucket_ms, limit)
    except _Raced:
        return False


def _join(resolution: int, bucket_ms: int, limit: int) -> bool:
    pieces = list(
        MetricPiece.objects.filter(resolution=resolution, bucket_ms=bucket_ms)
        .order_by("id")
        .values_list("id", "data")
    )
    chosen = sorted(pieces, key=lambda piece: len(piece[1]))[:limit]
    if len(chosen) < 2:
        return False
    total = merge_cells([open_cells(data).cells() for _, data in chosen])
    MetricPiece.objects.create(resolution=resolution, bucket_ms=bucket_ms, data=encode_cells(total))
    deleted, _ = MetricPiece.objects.filter(id__in=[number for number, _ in chosen]).delete()
    if deleted != len(chosen):
        raise _Raced
    return True


class _Touched(NamedTuple):
    pieces: int
    at: float


class PieceKeeper:
    """Knows which buckets this process has added to, and so which are worth joining.

    A bucket is joined when it has gathered ``many`` pieces (the smallest ones, so that a large sum is
    not written again for every few small ones), and wholly once it has been left alone for ``quiet``
    seconds. What an earlier process left is found by a sweep over the index.
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
        self._next_sweep = clock()

    def note(self, buckets: Buckets) -> None:
        """Pieces were added (or will not have been, if the transaction fails: that costs a look)."""
        now = self._clock()
        for bucket in buckets:
            known = self._touched.pop(bucket, None)
            self._touched[bucket] = _Touched(1 + (known.pieces if known else 0), now)

    def step(self) -> bool:
        """Join the pieces of at most one bucket; True if more waits."""
        now = self._clock()
        if now >= self._next_sweep:
            self._sweep(now)
        bucket = self._due(now)
        if bucket is None:
            return False
        quiet = self._touched[bucket].at <= now - self._quiet
        if quiet:
            del self._touched[bucket]
            merge_pieces(*bucket, limit=1000)
        else:
            merge_pieces(*bucket, limit=self._many)
            self._touched[bucket] = _Touched(1, now)
        return self._due(now) is not None

    def _due(self, now: float) -> Bucket | None:
        """`note` moves what it touches to the end, so the first is the one left alone longest."""
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
        """Buckets with several pieces that this process knows nothing of; the newest first."""
        self._next_sweep = now + self._sweep_every
        found = (
            MetricPiece.objects.values("resolution", "bucket_ms")
            .annotate(pieces=Count("id"))
            .filter(pieces__gt=1)
            .order_by("-bucket_ms")[:2000]
        )
        left = {
            (row["resolution"], row["bucket_ms"]): _Touched(row["pieces"], now - self._quiet)
            for row in found
            if (row["resolution"], row["bucket_ms"]) not in self._touched
        }
        self._touched = {**left, **self._touched}


keeper = PieceKeeper()
"""The one of this process."""
