"""Keeping the store and the metrics compact, a small step at a time, by one worker alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from django.db import DatabaseError

from ingest import leases
from ingest.folds import maintain as maintain_folds
from ingest.store.base import EventStore, StoreError

__all__ = ["COMPACTION", "Maintenance"]

log = structlog.get_logger("ingest")

COMPACTION = "compaction"
_REST = 1.0
_AFTER_FAILURE = 30.0


class Maintenance:
    """Runs the steps between batches; while more waits a step follows every batch."""

    def __init__(self, owner: str, store: EventStore, *, lease: float) -> None:
        self._owner = owner
        self._lease = lease
        self._steps: list[Callable[[], bool]] = [store.maintain, maintain_folds]
        self._due = {step: float("-inf") for step in self._steps}
        self._held_until = float("-inf")

    def step(self, *, idle: bool) -> None:
        """One step of each work that is due; ``idle`` ones may be taken in a row up to a poll's length."""
        now = time.monotonic()
        due = [step for step in self._steps if now >= self._due[step]]
        if due and self._hold(now):
            for step in due:
                self._run(step, until=now + _REST / 5 if idle else now)

    def release(self) -> None:
        leases.release_named(COMPACTION, self._owner)

    def _hold(self, now: float) -> bool:
        if now < self._held_until:
            return True
        try:
            held = leases.acquire_named(COMPACTION, self._owner, lease=self._lease)
        except DatabaseError:
            return False  # the next batch meets the same trouble and tells of it
        if held:
            self._held_until = now + self._lease / 3
        else:
            self._due = dict.fromkeys(self._steps, now + self._lease / 3)
        return held

    def _run(self, step: Callable[[], bool], *, until: float) -> None:
        try:
            more = step()
            while more and time.monotonic() < until:
                more = step()
        except (DatabaseError, StoreError) as error:  # busy or full; or a page that is damaged
            log.warning(
                "merging failed, trying again later", action="ingest.merge_failed", error=str(error)
            )
            self._due[step] = time.monotonic() + _AFTER_FAILURE
        else:
            self._due[step] = time.monotonic() + (0 if more else _REST)
