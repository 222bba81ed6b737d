"""Cells of letters (`ingest.models.LetterCell`): chosen, bounded, and what tells their groups apart.

``aliases`` (fingerprint → fingerprint) are failures that people have merged: each counts with the one
that it was merged into.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable

from ingest.models import LetterCell
from ingest.queries.letters import LetterFilter

__all__ = [
    "DAY_MS",
    "GROUPINGS",
    "HOUR_MS",
    "bounded",
    "cells_of",
    "chosen",
    "countable",
    "key_of",
    "known_fingerprints",
    "members_of",
]

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
MOST_CELLS = 20_000
"""Of more, only those that received a letter last are looked at."""

GROUPINGS: dict[str, str] = {
    "failure": "fingerprint",
    "type": "event_type",
    "consumer": "consumer",
    "topic": "topic",
    "error": "error_type",
}
"""How letters can be grouped (besides by day) → the column that tells them apart."""
_CHOSEN = {
    "types": "event_type",
    "consumers": "consumer",
    "error_types": "error_type",
    "topics": "topic",
    "fingerprints": "fingerprint",
}


def countable(where: LetterFilter) -> LetterFilter:
    """``where`` without what the counts do not know."""
    return msgspec.structs.replace(
        where, since_ms=None, until_ms=None, event_id="", correlation_id="", text=""
    )


def cells_of(where: LetterFilter) -> QuerySet[LetterCell]:
    rows = LetterCell.objects.filter(**chosen(where))
    if where.statuses:
        having = Q()
        for status in where.statuses:
            having |= Q(**{f"{status}__gt": 0})
        rows = rows.filter(having)
    if where.since_ms is not None:
        rows = rows.filter(last_ms__gte=where.since_ms)
    return rows


def chosen(where: LetterFilter, prefix: str = "") -> dict[str, Any]:
    named = {
        f"{prefix}{column}__in": getattr(where, name)
        for name, column in _CHOSEN.items()
        if getattr(where, name)
    }
    if where.fingerprint:
        named[f"{prefix}fingerprint"] = where.fingerprint
    return named


def bounded(rows: QuerySet[LetterCell]) -> QuerySet[LetterCell]:
    """Without the cells beyond `MOST_CELLS`; nothing is lost as long as messages are normalised well."""
    latest = LetterCell.objects.order_by("-last_ms").values_list("last_ms", flat=True)
    border = latest[MOST_CELLS : MOST_CELLS + 1].first()
    return rows if border is None else rows.filter(last_ms__gt=border)


def key_of(by: str, aliases: Mapping[str, str], prefix: str = "") -> Combinable:
    column = F(f"{prefix}{GROUPINGS[by]}")
    if by != "failure" or not aliases:
        return column
    merged: dict[str, list[str]] = {}
    for one, into in aliases.items():
        merged.setdefault(into, []).append(one)
    return Case(
        *(
            When(**{f"{prefix}fingerprint__in": some, "then": Value(into)})
            for into, some in merged.items()
        ),
        default=column,
    )


def members_of(key: str, aliases: Mapping[str, str]) -> tuple[str, ...]:
    """The fingerprints that count as ``key``. Pure."""
    return (key, *sorted(one for one, into in aliases.items() if into == key))


def known_fingerprints(fingerprints: Iterable[str]) -> set[str]:
    rows = LetterCell.objects.filter(fingerprint__in=list(fingerprints))
    return set(rows.values_list("fingerprint", flat=True))
