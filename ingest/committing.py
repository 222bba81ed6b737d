"""The writing half of the pipeline: one transaction a batch, repeated until it holds."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import structlog
from django.db import (
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connections,
    transaction,
)

from eventscope.errors import EventscopeError
from ingest import leases
from ingest.folds import apply_folds
from ingest.leases import Fenced, Progress
from ingest.reading import Backoff, Work
from ingest.records import Batch, Position, Quarantined, Record, Slice
from ingest.store.base import EventStore, StoreUnavailable
from ingest.store.series import SeriesDictionary

__all__ = ["BatchRefused", "Committer", "Patience", "Stopped"]

log = structlog.get_logger("ingest")

T = TypeVar("T")
# A schema that does not fit (ProgrammingError on PostgreSQL) is no fault of any message: wait for it
_PASSING = (OperationalError, InterfaceError, ProgrammingError, StoreUnavailable)
_BLAMELESS_FROM = 20
_TRIED_ALONE = 200


class Stopped(Exception):
    """The worker was told to stop while the database did not take the batch."""


class BatchRefused(EventscopeError):
    """Not one message of a batch can be stored: a fault of ours. Nothing was stored or skipped."""


class Patience:
    """Repeats a step while the database is locked, full or away; one line in the log each way."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self.waiting_since: float | None = None

    def run(self, step: Callable[[], T]) -> T:
        """What ``step`` returns at last. Raises `Stopped` when told to stop meanwhile."""
        backoff = Backoff()
        while True:
            try:
                done = step()
            except _PASSING as error:
                self._note_waiting(error)
                connections["events"].close_if_unusable_or_obsolete()
                if self._stop.wait(backoff.next()):
                    raise Stopped from error
            else:
                self._note_back()
                return done

    def _note_waiting(self, error: BaseException) -> None:
        if self.waiting_since is None:
            self.waiting_since = time.monotonic()
            log.warning(
                "the database does not take what is to be stored, trying again until it does",
                action="ingest.database_waiting",
                error=str(error),
            )

    def _note_back(self) -> None:
        if self.waiting_since is not None:
            waited = round(time.monotonic() - self.waiting_since, 1)
            self.waiting_since = None
            log.info("the database is back", action="ingest.database_back", seconds=waited)


class Committer:
    """Stores work exactly once.

    A database that is locked, full or away is waited for with the same batch in hand (the reader is
    held back meanwhile). A batch that fails for any other reason is halved until the one message
    that nothing can store stands alone; it is quarantined, so that no message ever stalls a stream.
    When no message of a large batch can be stored, none is to blame: `BatchRefused` ends the worker
    with the checkpoint where it was.
    """

    def __init__(self, owner: str, store: EventStore, *, lease: float, patience: Patience) -> None:
        self._owner = owner
        self._store = store
        self._series = SeriesDictionary()
        self._lease = lease
        self._patience = patience

    def commit(self, work: Work) -> None:
        """Store all of ``work``.

        Raises `Fenced` (drop it), `Stopped` (leave it to others) or `BatchRefused`.
        """
        try:
            self._persist(work)
        except (Fenced, Stopped):
            raise
        except Exception as error:  # noqa: BLE001 (told to the operator, and narrowed down to one message)
            self._acquit(work, error)
            self._isolate(work, error)
        if work.idle:
            self._patience.run(lambda: leases.observe(self._owner, work.idle))

    def _persist(self, work: Work) -> None:
        if work.batch.slices:
            self._patience.run(lambda: self._transaction(work))

    def _transaction(self, work: Work, *, keep: bool = True) -> None:
        done = False
        self._store.stage(work.batch)
        try:
            with transaction.atomic(using="events"):
                leases.advance(work.batch, self._owner, work.progress, lease=self._lease)
                self._store.append(work.batch, self._series)
                apply_folds(work.batch, self._series)
                transaction.set_rollback(not keep, using="events")
            done = keep
        finally:
            if not done:
                self._series.forget()

    def _acquit(self, work: Work, error: Exception) -> None:
        """Raise `BatchRefused` if of a large batch no message, each tried alone, would be stored."""
        records = [(part, record) for part in work.batch.slices for record in part.records]
        if len(records) <= _BLAMELESS_FROM:
            return
        for part, record in random.sample(records, min(len(records), _TRIED_ALONE)):
            if self._would_store(_alone(work, part, record)):
                return
        raise BatchRefused(
            f"no message of a batch of {len(records)} can be stored, so no message is to blame but "
            f"Eventscope or its configuration; nothing was skipped: {error!r}"
        ) from error

    def _would_store(self, work: Work) -> bool:
        try:
            self._patience.run(lambda: self._transaction(work, keep=False))
        except (Fenced, Stopped):
            raise
        except Exception:  # noqa: BLE001 (what was asked)
            return False
        return True

    def _isolate(self, work: Work, error: Exception) -> None:
        """Halve until the culprit stands alone, then quarantine it with the reason."""
        halves = _halves(work)
        if halves is None:
            log.error(
                "a message could not be stored and is quarantined",
                action="ingest.message_refused",
                topic=work.batch.slices[0].stream.topic,
                error=repr(error),
            )
            self._persist(_refused(work, error))
            return
        for half in halves:
            try:
                self._persist(half)
            except (Fenced, Stopped):
                raise
            except Exception as inner:  # noqa: BLE001 (as above)
                self._isolate(half, inner)


def _halves(work: Work) -> tuple[Work, Work] | None:
    """Two works that one after the other do what ``work`` does; None if it has a single message."""
    slices = work.batch.slices
    if len(slices) > 1:
        middle = len(slices) // 2
        return _with(work, slices[:middle]), _with(work, slices[middle:])
    part = slices[0]
    positions = sorted(_positions(part))
    if len(positions) < 2:
        return None
    middle_at = positions[len(positions) // 2 - 1]
    first, second = _cut(part, middle_at)
    made = work.progress[part.stream.id]
    rest = sum(1 for _ in _positions(second))
    ordinal = None if made.ordinal is None else made.ordinal - rest
    early = made._replace(
        ordinal=ordinal, lag=made.lag + rest, observed_until_ms=_appended_ms(part, middle_at)
    )
    late = made._replace(losses=())
    return (
        Work(Batch([first], work.batch.read_ms), {part.stream.id: early}, {}),
        Work(Batch([second], work.batch.read_ms), {part.stream.id: late}, {}),
    )


def _with(work: Work, slices: list[Slice]) -> Work:
    progress: dict[int, Progress] = {
        part.stream.id: work.progress[part.stream.id] for part in slices
    }
    return Work(Batch(slices, work.batch.read_ms), progress, {})


def _alone(work: Work, part: Slice, record: Record) -> Work:
    """As if ``record`` were the first message after the checkpoint."""
    return _with(work, [part._replace(until=record.position, records=[record], quarantined=[])])


def _cut(part: Slice, at: Position) -> tuple[Slice, Slice]:
    first = part._replace(
        until=at,
        records=[record for record in part.records if record.position <= at],
        quarantined=[item for item in part.quarantined if item.position <= at],
    )
    second = part._replace(
        after=at,
        lost=0,
        records=[record for record in part.records if record.position > at],
        quarantined=[item for item in part.quarantined if item.position > at],
    )
    return first, second


def _positions(part: Slice) -> Iterator[Position]:
    yield from (record.position for record in part.records)
    yield from (item.position for item in part.quarantined)


def _appended_ms(part: Slice, at: Position) -> int:
    items: tuple[Record | Quarantined, ...] = (*part.records, *part.quarantined)
    return next(item.appended_ms for item in items if item.position == at)


def _refused(work: Work, error: Exception) -> Work:
    """The single message of ``work`` as quarantined; one that already is keeps no bytes."""
    part = work.batch.slices[0]
    reason = f"could not be stored: {error!r}"[:300].replace("\0", "�")
    items = [_without_bytes(item, reason) for item in part.quarantined]
    items += [_as_quarantined(record, reason) for record in part.records]
    return _with(work, [part._replace(records=[], quarantined=items)])


def _as_quarantined(record: Record, reason: str) -> Quarantined:
    return Quarantined(
        record.position, record.appended_ms, reason, record.body, record.headers, record.size
    )


def _without_bytes(item: Quarantined, reason: str) -> Quarantined:
    return item._replace(reason=reason, body=b"", headers=b"")
