"""Failures that are alike, and what fills and drains them: from the counts, not from the letters.

``aliases`` (fingerprint → fingerprint) are failures that people have merged: each counts with the one
that it was merged into.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Case, Count, F, Max, Min, Q, QuerySet, Sum, Value, When
from django.db.models.expressions import Combinable

from ingest.letter_counts import CLOSED, STATUSES
from ingest.models import DeadLetter, LetterCell, LetterHour
from ingest.queries.letters import LetterFilter

__all__ = [
    "DAY_MS",
    "GROUPINGS",
    "HOUR_MS",
    "Facet",
    "Flow",
    "LetterFacets",
    "LetterGroup",
    "known_fingerprints",
    "letter_facets",
    "letter_flow",
    "letter_groups",
    "letter_totals",
    "letter_trends",
    "members_of",
    "open_dead_letters",
]

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
MOST_CELLS = 20_000
"""Of more, only those that received a letter last are looked at."""
FACETS = 200
_LEFT = (*CLOSED, "expired")

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


class Flow(NamedTuple):
    """What happened in one span; ``open`` is how many were open at its end."""

    at_ms: int
    arrived: int
    resolved: int
    superseded: int
    discarded: int
    archived: int
    reopened: int
    expired: int
    open: int

    @property
    def drained(self) -> int:
        return self.resolved + self.superseded + self.discarded + self.archived + self.expired


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
    return _cells(_countable(where)).aggregate(**sums)


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
    rows: Any = _bounded(_cells(where)).annotate(key=_key(by, aliases or {}))
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


def letter_trends(
    keys: Sequence[str],
    *,
    by: str = "failure",
    aliases: Mapping[str, str] | None = None,
    until_ms: int,
    step_ms: int = HOUR_MS,
    steps: int = 24,
) -> dict[str, list[int]]:
    """Key → letters that arrived in each of the last ``steps`` spans of ``step_ms`` (whole hours)."""
    last = until_ms // step_ms
    found = {key: [0] * steps for key in keys}
    hours = LetterHour.objects.filter(hour_ms__gte=(last - steps + 1) * step_ms, arrived__gt=0)
    told = (
        hours.annotate(key=_key(by, aliases or {}, "cell__"))
        .filter(key__in=list(found))
        .values_list("key", "hour_ms")
        .annotate(count=Sum("arrived"))
    )
    for key, hour_ms, count in told:
        place = hour_ms // step_ms - last + steps - 1
        if 0 <= place < steps:
            found[key][place] += count
    return found


def letter_flow(
    where: LetterFilter, *, until_ms: int, step_ms: int = HOUR_MS, steps: int = 48
) -> list[Flow]:
    """Fill and drain in each of the last spans of ``step_ms`` (whole hours), oldest first."""
    last = until_ms // step_ms
    hours = LetterHour.objects.filter(
        hour_ms__gte=(last - steps + 1) * step_ms, **_chosen(where, "cell__")
    )
    kinds = ("arrived", *CLOSED, "reopened", "expired")
    sums = {f"of_{kind}": Sum(kind) for kind in kinds}
    spans = {step: dict.fromkeys(kinds, 0) for step in range(last - steps + 1, last + 1)}
    rows: Any = hours.values("hour_ms").annotate(**sums)
    for row in rows:
        span = spans.get(min(row["hour_ms"] // step_ms, last))
        if span is not None:
            for kind in kinds:
                span[kind] += row[f"of_{kind}"]
    return _from_the_end(spans, step_ms, letter_totals(where)["open"])


def letter_facets() -> LetterFacets:
    """The names among the letters that are stored, the first few hundred of each kind."""

    def names(field: str) -> list[Facet]:
        rows = _bounded(LetterCell.objects.exclude(**{field: ""}))
        counted: Any = rows.values_list(field).annotate(of_open=Sum("open"))
        counted = counted.order_by("-of_open", field)
        return [Facet(name, count) for name, count in counted[:FACETS]]

    return LetterFacets(*map(names, ("event_type", "consumer", "error_type", "topic")))


def _from_the_end(spans: Mapping[int, dict[str, int]], step_ms: int, open_now: int) -> list[Flow]:
    """Flows with what was open at each end, reckoned back from what is open now. Pure."""
    found: list[Flow] = []
    for step in sorted(spans, reverse=True):
        span = spans[step]
        found.append(Flow(at_ms=step * step_ms, open=open_now, **span))
        open_now += sum(span[kind] for kind in _LEFT) - span["arrived"] - span["reopened"]
        open_now = max(0, open_now)
    return found[::-1]


def _countable(where: LetterFilter) -> LetterFilter:
    """``where`` without what the counts do not know."""
    return LetterFilter(
        statuses=where.statuses,
        types=where.types,
        consumers=where.consumers,
        error_types=where.error_types,
        topics=where.topics,
        fingerprint=where.fingerprint,
        fingerprints=where.fingerprints,
    )


def _cells(where: LetterFilter) -> QuerySet[LetterCell]:
    rows = LetterCell.objects.filter(**_chosen(where))
    if where.statuses:
        having = Q()
        for status in where.statuses:
            having |= Q(**{f"{status}__gt": 0})
        rows = rows.filter(having)
    if where.since_ms is not None:
        rows = rows.filter(last_ms__gte=where.since_ms)
    return rows


def _chosen(where: LetterFilter, prefix: str = "") -> dict[str, Any]:
    named = {
        f"{prefix}{column}__in": getattr(where, name)
        for name, column in _CHOSEN.items()
        if getattr(where, name)
    }
    if where.fingerprint:
        named[f"{prefix}fingerprint"] = where.fingerprint
    return named


def _bounded(rows: QuerySet[LetterCell]) -> QuerySet[LetterCell]:
    """Without the cells beyond `MOST_CELLS`; nothing is lost as long as messages are normalised well."""
    latest = LetterCell.objects.order_by("-last_ms").values_list("last_ms", flat=True)
    border = latest[MOST_CELLS : MOST_CELLS + 1].first()
    return rows if border is None else rows.filter(last_ms__gt=border)


def _key(by: str, aliases: Mapping[str, str], prefix: str = "") -> Combinable:
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


def members_of(key: str, aliases: Mapping[str, str]) -> tuple[str, ...]:
    """The fingerprints that count as ``key``. Pure."""
    return (key, *sorted(one for one, into in aliases.items() if into == key))


def known_fingerprints(fingerprints: Iterable[str]) -> set[str]:
    rows = LetterCell.objects.filter(fingerprint__in=list(fingerprints))
    return set(rows.values_list("fingerprint", flat=True))
