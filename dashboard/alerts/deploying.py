"""Which first starts of a version are deploys: not the ones by which we came to know the service."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.queries.deploys import Deploy, list_deploys
from ingest.queries.events import oldest_ms

__all__ = ["deploys_among", "read_deploys"]

WATCHED_MS = 900_000


def read_deploys() -> list[Deploy]:
    """The newest ones, newest first."""
    return deploys_among(list_deploys(), watched_since_ms=oldest_ms())


def deploys_among(starts: Sequence[Deploy], *, watched_since_ms: int | None) -> list[Deploy]:
    """Of first starts of versions, newest first: those of services that were known before, or that came
    when we had been watching for a while. Pure."""
    oldest = {start.service: start for start in starts}
    watching = float("inf") if watched_since_ms is None else watched_since_ms + WATCHED_MS
    return [
        start for start in starts if start is not oldest[start.service] or start.at_ms >= watching
    ]
