"""What fills and drains the open letters, hour by hour: from the counts, not from the letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import OuterRef, Subquery, Sum

from ingest.letter_counts import CLOSED
from ingest.models import LetterCell, LetterHour
from ingest.queries.letter_cells import HOUR_MS, chosen, key_of, members_of
from ingest.queries.letter_groups import letter_totals
from ingest.queries.letters import LetterFilter

__all__ = ["Flow", "last_arrivals", "letter_flow", "letter_trends"]

_LEFT = (*CLOSED, "expired")


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
        hours.annotate(key=key_of(by, aliases or {}, "cell__"))
        .filter(key__in=list(found))
        .values_list("key", "hour_ms")
        .annotate(count=Sum("arrived"))
    )
    for key, hour_ms, count in told:
        place = hour_ms // step_ms - last + steps - 1
        if 0 <= place < steps:
            found[key][place] += count
    return found


def last_arrivals(
    keys: Sequence[str], *, aliases: Mapping[str, str] | None = None, before_ms: int
) -> dict[str, int]:
    """Fingerprint → the hour in which the last letter arrived before ``before_ms``, where one did."""
    merged = aliases or {}
    hours = LetterHour.objects.filter(cell=OuterRef("pk"), hour_ms__lt=before_ms, arrived__gt=0)
    members = [one for key in keys for one in members_of(key, merged)]
    cells: Any = LetterCell.objects.filter(fingerprint__in=members).annotate(
        last=Subquery(hours.order_by("-hour_ms").values("hour_ms")[:1])
    )
    found: dict[str, int] = {}
    for fingerprint, last in cells.exclude(last=None).values_list("fingerprint", "last"):
        key = merged.get(fingerprint, fingerprint)
        found[key] = max(found.get(key, 0), last)
    return found


def letter_flow(
    where: LetterFilter, *, until_ms: int, step_ms: int = HOUR_MS, steps: int = 48
) -> list[Flow]:
    """Fill and drain in each of the last spans of ``step_ms`` (whole hours), oldest first."""
    last = until_ms // step_ms
    hours = LetterHour.objects.filter(
        hour_ms__gte=(last - steps + 1) * step_ms, **chosen(where, "cell__")
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


def _from_the_end(spans: Mapping[int, dict[str, int]], step_ms: int, open_now: int) -> list[Flow]:
    """Flows with what was open at each end, reckoned back from what is open now. Pure."""
    found: list[Flow] = []
    for step in sorted(spans, reverse=True):
        span = spans[step]
        found.append(Flow(at_ms=step * step_ms, open=open_now, **span))
        open_now += sum(span[kind] for kind in _LEFT) - span["arrived"] - span["reopened"]
        open_now = max(0, open_now)
    return found[::-1]
