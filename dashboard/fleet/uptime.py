"""How well a component was: uptime, days, incidents. Pure.

Uptime is the share of the time that is *known* in which it was not unhealthy. Time of which nobody told
is neither up nor down: it is left out, and how much of the time is known is said beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor

from ingest.folds.health_history import Span
from ingest.queries.health_history import Period

__all__ = [
    "DAY_MS",
    "HOUR_MS",
    "STRIP_DAYS",
    "WINDOWS",
    "DayBar",
    "Incident",
    "Part",
    "Uptime",
    "day_bars",
    "incidents_of",
    "strip_words",
    "uptime_of",
    "uptimes",
]

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
STRIP_DAYS = 90
WINDOWS = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}
"""Days; up to a week is added up from hours, the rest from days (UTC)."""
_HOURS_UP_TO = 7
NEARLY_ALL = 0.995
BAR_HEIGHT = 32
LEAST_SHOWN = 4
STATUSES = ("unhealthy", "degraded", "healthy")
_RANK = {status: place for place, status in enumerate(("healthy", "degraded", "unhealthy"))}


@dataclass(frozen=True)
class Uptime:
    """``share`` None: nothing is known. ``known`` is the share of the window that is."""

    window: str
    share: float | None
    known: float
    degraded_ms: int = 0
    unhealthy_ms: int = 0

    @property
    def words(self) -> str:
        """Never rounded up: 99.996 % is not 100 %."""
        if self.share is None:
            return "unknown"
        return f"{floor(self.share * 100_000) / 1000:g}%"

    @property
    def known_words(self) -> str:
        """How much of the time is known; "" for nearly all of it."""
        return "" if self.known >= NEARLY_ALL else f"{floor(self.known * 100)}% of the time known"


@dataclass(frozen=True)
class Part:
    """A piece of a bar `BAR_HEIGHT` high."""

    status: str
    y: float
    height: float


@dataclass(frozen=True)
class DayBar:
    """One day (UTC): ``status`` is the worst that was told, ``unknown`` where nothing was."""

    date: str
    status: str
    healthy_ms: int
    degraded_ms: int
    unhealthy_ms: int
    unknown_ms: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Incident:
    """A stretch that was not well. ``until_ms`` None: it goes on. ``followed_by`` is what came after."""

    status: str
    from_ms: int
    until_ms: int | None
    lasted_ms: int
    reason: str
    followed_by: str = ""


def uptimes(
    hours: Sequence[Period], days: Sequence[Period], *, begun_ms: int, now_ms: int
) -> list[Uptime]:
    """Of each of `WINDOWS`; the time before it was first heard of belongs to none."""
    return [
        uptime_of(
            hours if length <= _HOURS_UP_TO else days,
            window=name,
            wide_ms=HOUR_MS if length <= _HOURS_UP_TO else DAY_MS,
            since_ms=now_ms - length * DAY_MS,
            now_ms=now_ms,
            begun_ms=begun_ms,
        )
        for name, length in WINDOWS.items()
    ]


def uptime_of(
    periods: Iterable[Period],
    *,
    window: str,
    wide_ms: int,
    since_ms: int,
    now_ms: int,
    begun_ms: int,
) -> Uptime:
    """Over whole periods of ``wide_ms``, the one of now included; from when it was first heard of."""
    first_ms = -(-since_ms // wide_ms) * wide_ms
    inside = [period for period in periods if first_ms <= period.begin_ms <= now_ms]
    known_ms = sum(period.known_ms for period in inside)
    unhealthy_ms = sum(period.unhealthy_ms for period in inside)
    length_ms = now_ms - max(first_ms, begun_ms)
    return Uptime(
        window,
        1 - unhealthy_ms / known_ms if known_ms else None,
        min(1.0, known_ms / length_ms) if length_ms > 0 else 0.0,
        sum(period.degraded_ms for period in inside),
        unhealthy_ms,
    )


def day_bars(
    days: Iterable[Period], *, begun_ms: int = 0, now_ms: int, count: int = STRIP_DAYS
) -> list[DayBar]:
    """The last ``count`` days, oldest first, today included as far as it has come.

    A day in which it was first heard of begins then.
    """
    told = {day.begin_ms: day for day in days}
    today = now_ms // DAY_MS * DAY_MS
    return [
        _bar(told.get(begin), begin, _length(begin, begun_ms, now_ms))
        for begin in range(today - (count - 1) * DAY_MS, today + 1, DAY_MS)
    ]


def strip_words(bars: Sequence[DayBar]) -> str:
    """What a strip of days shows, for those who do not see it."""
    counts = Counter(bar.status for bar in bars)
    told = [
        f"{counts[status]} {words}"
        for status, words in (
            ("unhealthy", "with unhealthy time"),
            ("degraded", "with degraded time"),
            ("healthy", "healthy"),
            ("unknown", "unknown"),
        )
        if counts[status]
    ]
    return f"{len(bars)} days: {', '.join(told)}"


def _length(begin_ms: int, begun_ms: int, now_ms: int) -> int:
    """How much of the day beginning at ``begin_ms`` there is to tell of."""
    end_ms = min(begin_ms + DAY_MS, now_ms)
    return max(1, end_ms - (begun_ms if begin_ms < begun_ms < end_ms else begin_ms))


def _bar(day: Period | None, begin_ms: int, length_ms: int) -> DayBar:
    date = datetime.fromtimestamp(begin_ms / 1000, tz=UTC).strftime("%Y-%m-%d")
    if day is None or not day.known_ms:
        whole = (Part("unknown", 0, BAR_HEIGHT),)
        return DayBar(date, "unknown", 0, 0, 0, length_ms, whole)
    lengths = {status: getattr(day, f"{status}_ms") for status in STATUSES}
    worst = max((status for status in lengths if lengths[status]), key=_RANK.__getitem__)
    unknown_ms = max(0, length_ms - day.known_ms)
    return DayBar(
        date,
        worst,
        day.healthy_ms,
        day.degraded_ms,
        day.unhealthy_ms,
        unknown_ms,
        _stacked({**lengths, "unknown": unknown_ms}),
    )


def _stacked(lengths: dict[str, int]) -> tuple[Part, ...]:
    """From the bottom the worst first; what happened at all can be seen, however short it was."""
    whole = sum(lengths.values())
    heights = {
        status: max(LEAST_SHOWN, BAR_HEIGHT * length / whole)
        for status, length in lengths.items()
        if length * 1000 >= whole or (length and status in ("unhealthy", "degraded"))
    }
    scale = BAR_HEIGHT / sum(heights.values())
    parts, y = [], float(BAR_HEIGHT)
    for status, height in heights.items():
        y -= height * scale
        parts.append(Part(status, round(y, 2), round(height * scale, 2)))
    return tuple(parts)


def incidents_of(spans: Sequence[Span]) -> list[Incident]:
    """Newest first: stretches of unhealthy and degraded spans that follow each other.

    What is unknown ends one, and is told as what followed: nobody knows whether it was over.
    """
    found: list[Incident] = []
    for place, span in enumerate(spans):
        after = spans[place + 1].status if place + 1 < len(spans) else ""
        if span.status not in ("unhealthy", "degraded"):
            continue
        if found and spans[place - 1].status in ("unhealthy", "degraded"):
            span = _worse(found.pop(), span)
        until_ms = span.until_ms if after else None
        lasted_ms = span.until_ms - span.from_ms
        found.append(Incident(span.status, span.from_ms, until_ms, lasted_ms, span.reason, after))
    return found[::-1]


def _worse(before: Incident, span: Span) -> Span:
    """``span`` as the end of what began ``before``; it is told by its worst part."""
    worse = _RANK[span.status] > _RANK[before.status]
    return Span(
        span.status if worse else before.status,
        before.from_ms,
        span.until_ms,
        (span.reason if worse else before.reason) or before.reason or span.reason,
    )
