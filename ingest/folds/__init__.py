"""What a batch does to counted and folded state; called inside the batch's transaction."""

from __future__ import annotations

from typing import Protocol

from django.conf import settings

from ingest.envelopes import stored_id
from ingest.folds.breakers import changes_of, record_breakers
from ingest.folds.catalog import merge_pieces as merge_catalog
from ingest.folds.catalog import record_shapes
from ingest.folds.dead_letters import record_letters, resolve_letters
from ingest.folds.health import record_health, samples_of
from ingest.folds.metrics import fold_metrics, receipts_of
from ingest.folds.open_letters import remembered
from ingest.folds.pieces import keeper, write_pieces
from ingest.folds.services import record_services, signs_of
from ingest.folds.traces import write_traces
from ingest.records import Batch
from ingest.system import Receipt

__all__ = ["SeriesCodes", "apply_folds", "maintain"]


class SeriesCodes(Protocol):
    """What the folds need of the dictionary of series (the store has the one that is used)."""

    def code(self, type: str, source: str, consumer: str, topic: str, group: str = "") -> int: ...


def apply_folds(batch: Batch, series: SeriesCodes) -> None:
    """Fold ``batch`` into metrics and state, in the transaction that advances its checkpoint.

    Being in that transaction is what makes a repeated batch count once.
    """
    kept_ms = int(settings.INGEST.retention.metrics.second * 1000)
    telling = _telling(batch)
    told = receipts_of(telling)
    write_pieces(fold_metrics(batch, told, series.code, seconds_from_ms=batch.read_ms - kept_ms))
    write_traces(batch, series.code, wanted=settings.INGEST.flows.events_per_second)
    record_shapes(batch)
    _fold_letters(telling, told.receipts)
    _fold_state(telling)


def _telling(batch: Batch) -> Batch:
    """The records that tell of more than themselves: system events, and all that was given up."""
    return batch._replace(
        slices=[
            part
            if part.stream.dead_letters
            else part._replace(records=[r for r in part.records if r.detail is not None])
            for part in batch.slices
        ]
    )


def _fold_letters(batch: Batch, receipts: list[Receipt]) -> None:
    remembered.add(letter.event_id for letter in record_letters(batch))
    if receipts:
        concerned = remembered.among(stored_id(receipt.event_id) for receipt in receipts)
        if concerned:
            resolve_letters(receipts, concerned)


def _fold_state(batch: Batch) -> None:
    """System events on a dead-letter topic were given up by somebody and change nothing."""
    parts = [part for part in batch.slices if part.records and not part.stream.dead_letters]
    records = [record for part in parts for record in part.records]
    if not records:
        return
    record_services(signs_of(records))
    record_health(samples_of(records))
    record_breakers(
        [change for part in parts for change in changes_of(part.stream.id, part.records)]
    )


def maintain() -> bool:
    """One bounded step of joining pieces; True if more waits. Opens its own transactions."""
    more = keeper.step()
    return merge_catalog() or more
