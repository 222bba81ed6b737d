"""Keeps what waited for each consumer group, so that its page can show a trend."""

from __future__ import annotations

import time

from dashboard.fleet.models import BacklogSample
from ingest.queries.state import consumer_backlogs

__all__ = ["KEPT_MS", "keep_backlogs"]

KEPT_MS = 6 * 3_600_000


def keep_backlogs(*, now_ms: int | None = None) -> int:
    """A row a group whose lag is known; what is older than `KEPT_MS` goes. How many were kept."""
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    rows = [
        BacklogSample(group=view.name, at_ms=now, backlog=view.backlog)
        for view in consumer_backlogs()
        if view.lag is not None
    ]
    BacklogSample.objects.bulk_create(rows)
    BacklogSample.objects.filter(at_ms__lt=now - KEPT_MS).delete()
    return len(rows)
