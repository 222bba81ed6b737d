"""What the overview shows, as its URL says it: range, breakdown, latency. Pure.

A word that is not known falls back to the default, so that an old or mistyped link shows a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

__all__ = ["BREAKDOWNS", "DEFAULT_RANGE", "LATENCIES", "RANGES", "View", "Window", "read_view"]

RANGES = {
    "5m": (300, 1),
    "15m": (900, 1),
    "1h": (3600, 10),
    "6h": (21_600, 60),
    "24h": (86_400, 120),
    "7d": (604_800, 3600),
}
DEFAULT_RANGE = "5m"
BREAKDOWNS = {"": "Total", "type": "Event type", "source": "Source", "consumer": "Consumer"}
LATENCIES = {
    "processing": "Processing time",
    "queue": "Queue time",
    "critical": "Critical time",
    "publish_delay": "Publish delay",
}
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400)
POINTS = 450
LONGEST = 400 * 86_400
SHORTEST = 10
LAST_MS = 7_258_118_400_000


@dataclass(frozen=True)
class Window:
    """A stretch of time cut in steps: ms since 1970, multiples of the step; seconds."""

    since_ms: int
    until_ms: int
    step: int
    resolution: int


@dataclass(frozen=True)
class View:
    """What is looked at. ``range`` is "custom" when ``since_ms`` and ``until_ms`` are given."""

    range: str
    by: str
    latency: str
    since_ms: int = 0
    until_ms: int = 0

    @property
    def live(self) -> bool:
        return self.range != "custom"

    def window(self, now_ms: int, *, seconds_kept: float) -> Window:
        """The window of now; old seconds are read as minutes, since they are kept only so long."""
        if self.live:
            length, step = RANGES[self.range]
            since_ms, until_ms = now_ms - length * 1000, now_ms
        else:
            since_ms, until_ms = self.since_ms, self.until_ms
            step = _step((until_ms - since_ms) / 1000)
        if since_ms < now_ms - seconds_kept * 1000:
            step = max(step, 60)
        wide = step * 1000
        start, end = since_ms // wide * wide, -(-until_ms // wide) * wide
        return Window(start, end, step, _resolution(step))

    def query(self) -> str:
        """The part of the URL behind the question mark; defaults are left out."""
        values: dict[str, str] = {}
        if not self.live:
            values = {"since": str(self.since_ms), "until": str(self.until_ms)}
        elif self.range != DEFAULT_RANGE:
            values["range"] = self.range
        if self.by:
            values["by"] = self.by
        if self.latency != "processing":
            values["latency"] = self.latency
        return urlencode(values)


def read_view(query: Mapping[str, str]) -> View:
    """The view that a query string asks for."""
    by, latency = query.get("by", ""), query.get("latency", "")
    by = by if by in BREAKDOWNS else ""
    latency = latency if latency in LATENCIES else "processing"
    since, until = _ms(query.get("since", "")), _ms(query.get("until", ""))
    if since is not None and until is not None and SHORTEST <= (until - since) / 1000 <= LONGEST:
        return View("custom", by, latency, since, until)
    wanted = query.get("range", "")
    return View(wanted if wanted in RANGES else DEFAULT_RANGE, by, latency)


def _step(seconds: float) -> int:
    return next((step for step in STEPS if seconds / step <= POINTS), STEPS[-1])


def _resolution(step: int) -> int:
    return 1 if step < 60 else 60 if step < 3600 else 3600


def _ms(text: str) -> int | None:
    if not text.isdecimal() or len(text) > 13:
        return None
    value = int(text)
    return value if value <= LAST_MS else None
