"""When a receiver is left in peace: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from dashboard.receiver_options import Day, QuietOptions

__all__ = ["is_quiet"]

DAYS = get_args(Day)


def is_quiet(quiet: QuietOptions | None, now_ms: int) -> bool:
    """Whether ``now_ms`` lies in quiet hours, by the clock on the wall there.

    Hours that pass midnight belong to the day on which they begin. ``until`` itself is not quiet.
    """
    if quiet is None:
        return False
    local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(quiet.time_zone))
    clock = f"{local:%H:%M}"
    if quiet.from_ < quiet.until:
        return quiet.from_ <= clock < quiet.until and _counts(quiet, local)
    if clock >= quiet.from_:
        return _counts(quiet, local)
    return clock < quiet.until and _counts(quiet, local - timedelta(days=1))


def _counts(quiet: QuietOptions, began: datetime) -> bool:
    return DAYS[began.weekday()] in quiet.days
