"""Rows of state that services name: read by their names, bounded in number."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeVar

import structlog
from django.db.models import Model

__all__ = ["MOST_ROWS", "evict_oldest", "rows_named"]

log = structlog.get_logger(__name__)

MOST_ROWS = 5_000
"""Of each kind of state; names come from outside, and a loop may make them up."""
_CHUNK = 500

Row = TypeVar("Row", bound=Model)


def rows_named(model: type[Row], field: str, names: Collection[str]) -> Iterator[Row]:
    """Rows whose ``field`` is among ``names``, locked against other workers in one order."""
    ordered = sorted(names)
    for begin in range(0, len(ordered), _CHUNK):
        chunk = ordered[begin : begin + _CHUNK]
        rows = model._default_manager.select_for_update()
        yield from rows.filter(**{f"{field}__in": chunk}).order_by("pk")


def evict_oldest(model: type[Model], *, most: int = MOST_ROWS) -> int:
    """Delete the rows seen longest ago that are too many; how many."""
    excess = model._default_manager.count() - most
    if excess <= 0:
        return 0
    oldest = model._default_manager.order_by("seen_ms", "pk").values_list("pk", flat=True)[:excess]
    model._default_manager.filter(pk__in=list(oldest)).delete()
    log.warning(
        "too many names, the oldest were dropped",
        action="folds.evicted",
        kind=model.__name__,
        rows=excess,
    )
    return excess
