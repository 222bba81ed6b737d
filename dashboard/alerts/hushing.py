"""What hushes an alert: silences, maintenance windows, other alerts. Pure.

Hushed alerts go on being evaluated, resolve as ever, and are acted on as ever; nobody is told of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dashboard.matchers import Matcher, all_match, read_matcher

__all__ = [
    "Hush",
    "Hushable",
    "Inhibition",
    "decide_hushes",
    "matches_everything",
    "next_start_ms",
    "span_at",
]

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Hush:
    """A silence or a window of maintenance: it hushes what all its matchers fit while it lasts.

    A weekly one lasts from ``starts_ms`` to ``ends_ms`` and at the same times of day, by the clocks of
    ``zone``, each week after: where clocks are put forward or back, it moves with them.
    """

    name: str
    matchers: tuple[Matcher, ...]
    starts_ms: int
    ends_ms: int
    weekly: bool = False
    zone: str = "UTC"


@dataclass(frozen=True)
class Inhibition:
    """While a source fires its targets are hushed, where the labels in ``equal`` are the same."""

    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    @classmethod
    def read(
        cls, name: str, source: Iterable[str], target: Iterable[str], equal: Iterable[str] = ()
    ) -> Inhibition:
        """From sentences. Raises `MatcherError`."""
        sources, targets = (tuple(map(read_matcher, part)) for part in (source, target))
        return cls(name, sources, targets, tuple(equal))


@dataclass(frozen=True)
class Hushable:
    """What is asked of an open alert. ``tells``: it fires or is acknowledged, so it may hush others."""

    id: int
    labels: Mapping[str, str]
    tells: bool


def decide_hushes(
    alerts: Sequence[Hushable],
    hushes: Iterable[Hush],
    inhibitions: Iterable[Inhibition],
    now_ms: int,
) -> dict[int, str]:
    """What hushes each alert that is hushed now: ``silence 3`` or ``inhibited by ingest-stalled``.

    A silence is named before a window of maintenance as they are given, both before another alert.
    """
    active = [hush for hush in hushes if span_at(hush, now_ms) is not None]
    found = _inhibited(alerts, inhibitions)
    for alert in alerts:
        name = next((hush.name for hush in active if all_match(hush.matchers, alert.labels)), "")
        if name:
            found[alert.id] = name
    return found


def span_at(hush: Hush, now_ms: int) -> tuple[int, int] | None:
    """Begin and end of the time in which it lasts at ``now_ms``; None if it does not."""
    begin, end = _latest_span(hush, now_ms)
    return (begin, end) if begin <= now_ms < end else None


def next_start_ms(hush: Hush, now_ms: int) -> int | None:
    """When it will next begin; None if it never will."""
    if now_ms < hush.starts_ms:
        return hush.starts_ms
    if not hush.weekly:
        return None
    begin, _ = _latest_span(hush, now_ms)
    zone = ZoneInfo(hush.zone)
    return _to_ms(_wall(begin, zone) + WEEK, zone)


def matches_everything(matchers: Iterable[Matcher]) -> bool:
    """Whether even an alert without labels is matched: then there is hardly one that is not."""
    return all_match(matchers, {})


def _latest_span(hush: Hush, now_ms: int) -> tuple[int, int]:
    """The span that began last at or before ``now_ms``; the first one before it ever did."""
    if not hush.weekly or now_ms < hush.starts_ms:
        return hush.starts_ms, hush.ends_ms
    zone = ZoneInfo(hush.zone)
    first = _wall(hush.starts_ms, zone)
    length = _wall(hush.ends_ms, zone) - first
    weeks = (_wall(now_ms, zone) - first) // WEEK
    begin = first + max(0, weeks) * WEEK
    return _to_ms(begin, zone), _to_ms(begin + length, zone)


def _inhibited(alerts: Sequence[Hushable], inhibitions: Iterable[Inhibition]) -> dict[int, str]:
    """By the first inhibition that holds. What is source and target of one is not hushed by it, or two
    alerts would hush each other."""
    found: dict[int, str] = {}
    for rule in inhibitions:
        sources = {
            alert.id for alert in alerts if alert.tells and all_match(rule.source, alert.labels)
        }
        felt = {_equal(rule, alert) for alert in alerts if alert.id in sources}
        for alert in alerts:
            if not felt or alert.id in found or all_match(rule.source, alert.labels):
                continue
            if _equal(rule, alert) in felt and all_match(rule.target, alert.labels):
                found[alert.id] = f"inhibited by {rule.name}"
    return found


def _equal(rule: Inhibition, alert: Hushable) -> tuple[str, ...]:
    return tuple(alert.labels.get(name, "") for name in rule.equal)


def _wall(at_ms: int, zone: ZoneInfo) -> datetime:
    """What the clocks of ``zone`` show, without the zone: weeks are counted by clocks."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).replace(tzinfo=None)


def _to_ms(wall: datetime, zone: ZoneInfo) -> int:
    return round(wall.replace(tzinfo=zone).timestamp() * 1000)
