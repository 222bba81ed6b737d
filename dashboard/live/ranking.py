"""Which groups are told apart: the busiest of the last quarter of an hour, the same for charts and ticks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import orjson

from ingest.queries.metrics import OTHER, read_metrics

__all__ = ["TOP_GROUPS", "Ranking", "adopt", "busiest"]

TOP_GROUPS = 8
SPAN_MS = 15 * 60_000
KEPT_S = 15.0


class Ranking:
    """Remembers for some seconds; a process has one, so that lines do not change places each tick."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, tuple[float, tuple[str, ...]]] = {}

    def busiest(self, group_by: str, now_ms: int) -> tuple[str, ...]:
        """Names of the groups, busiest first; empty if nothing happened."""
        with self._lock:
            kept = self._found.get(group_by)
            if kept is None or time.monotonic() - kept[0] > KEPT_S:
                kept = (time.monotonic(), _read(group_by, now_ms))
                self._found[group_by] = kept
            return kept[1]

    def adopt(self, group_by: str, names: Iterable[str]) -> None:
        """Take over what another process tells apart."""
        with self._lock:
            self._found[group_by] = (time.monotonic(), tuple(names))

    def forget(self) -> None:
        with self._lock:
            self._found.clear()


_ranking = Ranking()
busiest = _ranking.busiest
forget = _ranking.forget


def adopt(tick: bytes) -> None:
    """Let charts tell the groups apart that ``tick``, which another process made, tells apart."""
    for group_by, groups in orjson.loads(tick).get("by", {}).items():
        _ranking.adopt(group_by, (name for name in groups if name != OTHER))


def _read(group_by: str, now_ms: int) -> tuple[str, ...]:
    table = read_metrics(
        since_ms=now_ms - SPAN_MS,
        until_ms=now_ms,
        resolution=60,
        step=60,
        group_by=group_by,
        max_groups=TOP_GROUPS + 1,
    )
    return tuple(group.name for group in table.groups if group.name != OTHER)
