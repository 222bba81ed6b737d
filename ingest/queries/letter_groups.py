"""Failures that are alike, totals and facets: from the counts, not from the letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Count, Max, Min, Sum

from ingest.letter_counts import STATUSES
from ingest.models import DeadLetter, LetterCell
from ingest.queries.letter_cells import bounded, cells_of, countable, key_of
from ingest.queries.letters import LetterFilter

__all__ = [
    "Facet",
    "LetterFacets",
    "LetterGroup",
    "letter_facets",
    "letter_groups",
    "letter_totals",
    "open_dead_letters",
]

FACETS = 200


@dataclass(frozen=True)
class LetterGroup:
    """Letters with one ``key``: a fingerprint, a type, … Counts of all time, as far as letters are kept.

    ``newest`` is the letter stored last (its bytes are not read); None once it has expired.
    ``error_type`` and ``event_type`` are those of the letters, where they have one each, else "".
    """

    key: str
    counts: dict[str, int]
    first_ms: int
    last_ms: int
    error_type: str
    event_type: str
    consumers: int
    newest: DeadLetter | None

    @property
    def open(self) -> int:
        return self.counts["open"]

    @property
    def count(self) -> int:
        return sum(self.counts.values())


class Facet(NamedTuple):
    """A name that can be chosen, and how many open letters bear it."""

    name: str
    open: int


class LetterFacets(NamedTuple):
    """What can be chosen in a filter, most open first."""

    types: list[Facet]
    consumers: list[Facet]
    error_types: list[Facet]
    topics: list[Facet]


def open_dead_letters() -> int:
    return letter_totals(LetterFilter())["open"]


def letter_totals(where: LetterFilter) -> dict[str, int]:
    """Letters by status; ``where`` is heeded but for its times, ids and text."""
    sums = {status: Sum(status, default=0) for status in STATUSES}
    return cells_of(countable(where)).aggregate(**sums)


def letter_groups(
    where: LetterFilter,
    *,
    by: str = "failure",
    aliases: Mapping[str, str] | None = None,
    first_since_ms: int = 0,
    limit: int = 100,
    offset: int = 0,
) -> list[LetterGroup]:
    """Groups with letters of the statuses and since the time that ``where`` names, most open first.

    ``first_since_ms``: only what was seen for the first time since then.
    """
    rows: Any = bounded(cells_of(where)).annotate(key=key_of(by, aliases or {}))
    grouped = list(
        rows.values("key")
        .annotate(
            **{f"of_{status}": Sum(status) for status in STATUSES},
            first=Min("first_ms"),
            last=Max("last_ms"),
            newest_id=Max("newest"),
            consumers=Count("consumer", distinct=True),
            error=Max("error_type"),
            error_least=Min("error_type"),
            type=Max("event_type"),
            type_least=Min("event_type"),
        )
        .filter(first__gte=first_since_ms)
        .order_by("-of_open", "-last", "key")[offset : offset + limit]
    )
    letters = DeadLetter.objects.defer("event", "headers", "error_stack")
    newest = letters.in_bulk([row["newest_id"] for row in grouped])
    return [_group(row, newest.get(row["newest_id"])) for row in grouped]


def letter_facets() -> LetterFacets:
    """The names among the letters that are stored, the first few hundred of each kind."""

    def names(field: str) -> list[Facet]:
        rows = bounded(LetterCell.objects.exclude(**{field: ""}))
        counted: Any = rows.values_list(field).annotate(of_open=Sum("open"))
        counted = counted.order_by("-of_open", field)
        return [Facet(name, count) for name, count in counted[:FACETS]]

    return LetterFacets(*map(names, ("event_type", "consumer", "error_type", "topic")))


def _group(row: Mapping[str, Any], newest: DeadLetter | None) -> LetterGroup:
    return LetterGroup(
        key=row["key"],
        counts={status: row[f"of_{status}"] for status in STATUSES},
        first_ms=row["first"],
        last_ms=row["last"],
        error_type=row["error"] if row["error"] == row["error_least"] else "",
        event_type=row["type"] if row["type"] == row["type_least"] else "",
        consumers=row["consumers"],
        newest=newest,
    )
