"""What rules ask for and changes slowly: read now and then, kept between the rounds of one monitor.

Nothing of it is state: a monitor that starts anew reads it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from dashboard.alerts.absence import DAY_MS, Habit, habits_of
from ingest.queries.metrics import read_metrics
from ingest.queries.schemas import read_shapes
from ingest.queries.sums import Sums, read_sums
from ingest.schema_changes import Change, Version, changes_of
from ingest.system import SYSTEM_TYPES

__all__ = ["Memory"]

HABITS_MS = 600_000
SCHEMAS_MS = 60_000
MOST_TYPES = 500
SHORT_S = 3_600
"""A window up to this is read by the minute and anew every few seconds."""

T = TypeVar("T")


class Memory:
    """Each thing with the time it was read at."""

    def __init__(self) -> None:
        self._kept: dict[object, tuple[int, Any]] = {}

    def habits(self, now_ms: int) -> dict[str, Habit]:
        """How long each event type pauses at the most, of the last day."""
        return self._fresh("habits", now_ms, HABITS_MS, lambda: _habits(now_ms))

    def schema_changes(self, now_ms: int) -> dict[str, list[Change]]:
        """What changed of each type, the newest first."""
        return self._fresh("schemas", now_ms, SCHEMAS_MS, _schema_changes)

    def sums(self, seconds: int, now_ms: int) -> Sums:
        """The last ``seconds``; read anew after a hundredth of them, at least every few seconds."""
        finest = 1 if seconds < SHORT_S else 60 if seconds < DAY_MS // 1000 else 3600
        every_ms = max(5_000, min(300_000, seconds * 10))
        return self._fresh(
            seconds,
            now_ms,
            every_ms,
            lambda: read_sums(
                since_ms=now_ms - seconds * 1000, until_ms=now_ms, finest=finest, now_ms=now_ms
            ),
        )

    def _fresh(self, key: object, now_ms: int, every_ms: int, read: Callable[[], T]) -> T:
        at, kept = self._kept.get(key, (None, None))
        if at is None or not 0 <= now_ms - at < every_ms:
            kept = read()
            self._kept[key] = (now_ms, kept)
        return kept  # type: ignore[no-any-return]


def _habits(now_ms: int) -> dict[str, Habit]:
    """By whole minutes: the one that runs is not over."""
    table = read_metrics(
        since_ms=now_ms - DAY_MS,
        until_ms=now_ms // 60_000 * 60_000,
        resolution=60,
        step=60,
        group_by="type",
        max_groups=MOST_TYPES,
        now_ms=now_ms,
    )
    counts = {
        group.name: group.published.tolist()
        for group in table.groups
        if group.name not in SYSTEM_TYPES and group.name != "other"
    }
    return habits_of(table.times_ms, table.known, counts)


def _schema_changes() -> dict[str, list[Change]]:
    versions: dict[str, list[Version]] = {}
    for kind, shape in read_shapes().items():
        versions.setdefault(kind.type, []).append(Version(kind.version, shape))
    return {type: changes_of(listed) for type, listed in versions.items()}
