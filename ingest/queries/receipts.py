"""Receipts of handled events, found again by the events' ids."""

from __future__ import annotations

from collections.abc import Iterable

from ingest.envelopes import stored_id
from ingest.queries.events import shared_store
from ingest.records import Record
from ingest.store.sql import decode_stored
from ingest.system import RECEIPT_TYPES, Receipt, Receipts

__all__ = ["receipts_among", "receipts_for"]

LIMIT = 20_000


def receipts_for(
    event_ids: Iterable[str], *, since_ms: int | None = None
) -> dict[str, list[Receipt]]:
    """The receipts of each of ``event_ids`` that has any, in the order they were stored.

    All ids are looked up in one pass. ``since_ms`` (when the oldest of the events was appended)
    spares looking where no receipt of theirs can be.
    """
    ids = dict.fromkeys(event_ids)
    found = shared_store().find(list(ids), limit=LIMIT, since_ms=since_ms, only_types=RECEIPT_TYPES)
    return receipts_among(map(decode_stored, found), ids)


def receipts_among(
    records: Iterable[Record | None], event_ids: Iterable[str]
) -> dict[str, list[Receipt]]:
    """Of each of ``event_ids`` that has any the receipts in ``records``; a message stored twice counts once.

    Pure.
    """
    found: dict[str, list[Receipt]] = {id: [] for id in event_ids}
    seen: set[str] = set()
    for record in records:
        if record is None or record.event_id in seen or not isinstance(record.detail, Receipts):
            continue
        seen.add(record.event_id)
        for receipt in record.detail.receipts:
            if (event_id := stored_id(receipt.event_id)) in found:
                found[event_id].append(receipt)
    return {id: receipts for id, receipts in found.items() if receipts}
