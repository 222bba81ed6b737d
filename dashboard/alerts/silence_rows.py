"""Silences as read, for page and API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from dashboard.alerts.hushing import next_start_ms, span_at
from dashboard.alerts.models import Episode, Silence
from dashboard.alerts.paging import read_cursor, take_page
from dashboard.alerts.suppressing import hush_of

__all__ = ["SilenceRow", "SilenceRows", "current_rows", "ended_rows", "get_silence", "silence_row"]

MOST_CURRENT = 500


@dataclass(frozen=True)
class SilenceRow:
    """``state`` is active, planned or ended; the span is of now, or of its next time."""

    silence: Silence
    state: str
    begins_ms: int | None
    until_ms: int | None
    hushes: int = 0

    @property
    def tone(self) -> str:
        return {"active": "info", "planned": "warn"}.get(self.state, "off")


@dataclass(frozen=True)
class SilenceRows:
    """``next`` is the cursor of what follows, None at the end."""

    rows: list[SilenceRow]
    next: str | None


def current_rows(now_ms: int) -> list[SilenceRow]:
    """Active and planned ones, the newest first, with how many alerts each hushes now."""
    found = _current(Silence.objects.all(), now_ms).order_by("-pk")[:MOST_CURRENT]
    hushed = _hushed_by_name()
    return [silence_row(each, now_ms, hushed[each.name]) for each in found]


def ended_rows(now_ms: int, *, cursor: str | None = None, limit: int = 30) -> SilenceRows:
    """What is over, the latest end first. Raises `CursorError`."""
    over = Q(ended_ms__isnull=False) | Q(weekly=False, ends_ms__lte=now_ms)
    rows = Silence.objects.filter(over)
    found, following = take_page(rows, "ends_ms", read_cursor(cursor), limit)
    return SilenceRows([silence_row(each, now_ms) for each in found], following)


def get_silence(silence_id: int) -> Silence | None:
    return Silence.objects.filter(pk=silence_id).first()


def silence_row(silence: Silence, now_ms: int, hushes: int = 0) -> SilenceRow:
    """How it stands at ``now_ms``."""
    if silence.has_ended(now_ms):
        end = silence.ends_ms if silence.ended_ms is None else silence.ended_ms
        return SilenceRow(silence, "ended", silence.starts_ms, end)
    hush = hush_of(silence)
    span = span_at(hush, now_ms)
    if span is not None:
        return SilenceRow(silence, "active", *span, hushes)
    begins = next_start_ms(hush, now_ms)
    until = None if begins is None else begins + silence.ends_ms - silence.starts_ms
    return SilenceRow(silence, "planned", begins, until)


def _current(rows: QuerySet[Silence], now_ms: int) -> QuerySet[Silence]:
    return rows.filter(Q(weekly=True) | Q(ends_ms__gt=now_ms), ended_ms=None)


def _hushed_by_name() -> Counter[str]:
    hushed = Episode.objects.exclude(state=Episode.State.RESOLVED).exclude(suppressed_by="")
    names: Iterable[str] = hushed.values_list("suppressed_by", flat=True)
    return Counter(names)
