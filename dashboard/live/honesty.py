"""The honesty strip: how fresh and how complete what the pages show is."""

from __future__ import annotations

from typing import Any

from dashboard.live.catching import CatchUp
from ingest.queries.status import IngestStatus, ingest_status

__all__ = ["honesty_of", "read_status"]

FRESH_MS = 10_000


def read_status(now_ms: int) -> IngestStatus:
    """What ingest knows of itself now."""
    return ingest_status(now_ms)


def honesty_of(status: IngestStatus, catching: CatchUp | None = None) -> dict[str, Any]:
    """The strip's numbers and its one word; pure. The state is ok, wait, warn or bad."""
    state, word = _state(status)
    return {
        "state": state,
        "word": word,
        "catching": catching.words if catching else "",
        "newestMs": status.newest_ms,
        "age": _age(status.newest_age_ms),
        "ageMs": status.newest_age_ms,
        "lag": status.known_lag,
        "undecoded": status.undecoded,
        "lost": status.lost,
        "stored": status.stored,
        "streams": status.streams,
        "observedUntilMs": status.observed_until_ms,
    }


def _state(status: IngestStatus) -> tuple[str, str]:
    if status.stalled:
        return "bad", "Ingest stalled"
    if not status.stored:
        return "wait", "Waiting for the first event"
    if status.catching_up:
        return "warn", "Catching up"
    if status.newest_age_ms is not None and status.newest_age_ms > FRESH_MS:
        return "wait", "Quiet"
    return "ok", "Live"


def _age(age_ms: int | None) -> str:
    if age_ms is None:
        return "none yet"
    seconds = max(0, age_ms) / 1000
    for limit, unit, size in ((60, "s", 1), (3600, "min", 60), (86400, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds / 86400:.0f} d ago"
