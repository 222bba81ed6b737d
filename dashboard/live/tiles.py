"""The overview's tiles: what each counts, how its word is found, and the registry for more of them.

Live knows no other capability; what alerts has to tell comes in through `register_tile`, called
where all apps are known (`dashboard.apps`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboard.options import ObjectiveOptions

__all__ = [
    "Facts",
    "Tile",
    "TileSource",
    "TrendMemory",
    "build_tiles",
    "register_tile",
    "registered_tiles",
    "tile_json",
]

TREND = 40


@dataclass(frozen=True)
class Tile:
    """One tile as it is shown. ``tone`` is ok, warn, bad or off; ``unit`` one of s, ms, share, ""."""

    key: str
    label: str
    value: float | None
    unit: str
    tone: str
    word: str
    trend: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class TileSource:
    """A number that another capability tells, with the words for none and for some."""

    key: str
    label: str
    read: Callable[[], int]
    none: str
    some: str


@dataclass(frozen=True)
class Facts:
    """All that tiles are made of, read once a tick. Rates are of the last minute's known seconds."""

    events_per_second: float | None
    rate_trend: tuple[float | None, ...]
    p95: float | None
    p95_trend: tuple[float | None, ...]
    p95_is_publish_delay: bool
    error_rate: float | None
    error_trend: tuple[float | None, ...]
    open_dead_letters: int
    open_breakers: int
    unhealthy: int
    lag: int | None
    stalled: bool
    behind: str
    others: dict[str, int] = field(default_factory=dict)


class TrendMemory:
    """The last values of numbers that have no history in the store; lives as long as the process."""

    def __init__(self, length: int = TREND) -> None:
        self._length = length
        self._values: dict[str, deque[float | None]] = {}

    def add(self, key: str, value: float | None) -> tuple[float | None, ...]:
        values = self._values.setdefault(key, deque(maxlen=self._length))
        values.append(value)
        return tuple(values)


_SOURCES: dict[str, TileSource] = {}


def register_tile(source: TileSource) -> None:
    """Add a tile; the same key again replaces it."""
    _SOURCES[source.key] = source


def registered_tiles() -> tuple[TileSource, ...]:
    return tuple(_SOURCES.values())


def build_tiles(
    facts: Facts,
    objectives: ObjectiveOptions,
    sources: Sequence[TileSource],
    memory: TrendMemory,
) -> list[Tile]:
    """The tiles in the order of the page."""
    return [
        _rate(facts, objectives),
        _p95(facts, objectives),
        _errors(facts, objectives),
        _count(
            "deadLetters",
            "Open dead letters",
            facts.open_dead_letters,
            memory,
            "none open",
            "to look at",
        ),
        _count(
            "breakers",
            "Open breakers",
            facts.open_breakers,
            memory,
            "all closed",
            "calls are refused",
        ),
        _count(
            "unhealthy",
            "Unhealthy components",
            facts.unhealthy,
            memory,
            "all healthy",
            "to look at",
        ),
        *(
            _count(
                source.key,
                source.label,
                facts.others.get(source.key, 0),
                memory,
                source.none,
                source.some,
            )
            for source in sources
        ),
        _lag(facts, memory),
    ]


def _rate(facts: Facts, objectives: ObjectiveOptions) -> Tile:
    rate = facts.events_per_second
    tone, word = "ok", f"of {objectives.events_per_second:,.0f}/s planned"
    if rate is None:
        tone, word = "off", "not observed"
    elif rate > objectives.peak_load:
        tone, word = "bad", "above peak load"
    elif rate > objectives.events_per_second:
        tone, word = "warn", "above the plan"
    return Tile("events", "Events per second", rate, "/s", tone, word, facts.rate_trend)


def _p95(facts: Facts, objectives: ObjectiveOptions) -> Tile:
    label = "Publish delay p95" if facts.p95_is_publish_delay else "Processing time p95"
    limit = objectives.p95 * 1000
    tone, word = _within(facts.p95, limit, f"{limit:,.0f} ms")
    if facts.p95_is_publish_delay and facts.p95 is not None:
        tone, word = "off", "no receipts yet"
    return Tile("p95", label, facts.p95, "ms", tone, word, facts.p95_trend)


def _errors(facts: Facts, objectives: ObjectiveOptions) -> Tile:
    limit = objectives.error_rate
    tone, word = _within(facts.error_rate, limit, f"{limit * 100:.3g}%")
    if facts.error_rate is None:
        word = "nothing finished"
    return Tile("errors", "Error rate", facts.error_rate, "share", tone, word, facts.error_trend)


def _within(value: float | None, limit: float, shown: str) -> tuple[str, str]:
    if value is None:
        return "off", "nothing measured"
    return ("ok", f"within {shown}") if value <= limit else ("bad", f"above {shown}")


def _count(key: str, label: str, value: int, memory: TrendMemory, none: str, some: str) -> Tile:
    tone, word = ("bad", some) if value else ("ok", none)
    return Tile(key, label, value, "", tone, word, memory.add(key, value))


def _lag(facts: Facts, memory: TrendMemory) -> Tile:
    tone, word = "ok", "keeping up"
    if facts.stalled:
        tone, word = "bad", "stalled"
    elif facts.behind:
        tone, word = "warn", facts.behind
    return Tile("lag", "Ingest lag", facts.lag, "", tone, word, memory.add("lag", facts.lag))


def tile_json(tile: Tile) -> dict[str, Any]:
    """A tile for the browser, its trend in few digits."""
    return {
        "key": tile.key,
        "label": tile.label,
        "value": tile.value,
        "unit": tile.unit,
        "tone": tile.tone,
        "word": tile.word,
        "trend": [None if v is None else float(f"{v:.3g}") for v in tile.trend],
    }
