"""What became of an event, told by the receipts of all its consumers. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from dashboard.explore.story import Handling
from ingest.store.marks import end_of
from ingest.system import SYSTEM_TYPES

__all__ = ["OUTCOMES", "SYNONYMS", "latest_by_consumer", "outcome_of"]

OUTCOMES = ("delivered", "retried", "failed", "dead_lettered", "unprocessed")
SYNONYMS = {"success": "delivered", "skipped": "delivered", "retry": "retried"}
"""Words of receipts for what becomes of an event."""
_WORST_FIRST = ("dead_lettered", "failed", "retried", "delivered")


def outcome_of(event_type: str, handlings: Iterable[Handling]) -> str:
    """The worst that any consumer ended with; "" for a system event, which has no consumers.

    ``retried`` is an event that some consumer needed, or still needs, more than one attempt for.
    """
    if event_type in SYSTEM_TYPES:
        return ""
    latest = latest_by_consumer(handlings).values()
    ends = {end_of(handling.outcome, handling.attempt) for handling in latest}
    return next((end for end in _WORST_FIRST if end in ends), "unprocessed")


def latest_by_consumer(handlings: Iterable[Handling]) -> dict[tuple[str, str], Handling]:
    """The last attempt of each (group, consumer), by end, then attempt."""
    latest: dict[tuple[str, str], Handling] = {}
    for handling in handlings:
        name = (handling.group, handling.consumer)
        before = latest.get(name)
        if before is None or _when(before) <= _when(handling):
            latest[name] = handling
    return latest


def _when(handling: Handling) -> tuple[int, int]:
    return handling.ended_ms or handling.started_ms or 0, handling.attempt
