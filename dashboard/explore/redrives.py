"""Redrives: the later copies of an event that somebody put back on its topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ingest.timestamps import parse_ms

__all__ = ["Redrive", "redrive_of"]


class Copy(Protocol):
    """What is read of a copy; `ingest.queries.events.EventView` has it."""

    @property
    def appended_ms(self) -> int: ...
    @property
    def envelope(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Redrive:
    """What ``metadata.redrive`` of a copy tells; ``appended_ms`` is when it was back on its topic."""

    appended_ms: int
    id: str
    by: str
    attempt: int | None
    at_ms: int | None


def redrive_of(copy: Copy) -> Redrive | None:
    """None for a copy that came by itself: a duplicate."""
    envelope = copy.envelope
    metadata = envelope.get("metadata") if isinstance(envelope, dict) else None
    told = metadata.get("redrive") if isinstance(metadata, dict) else None
    return _redrive(copy.appended_ms, told) if isinstance(told, dict) else None


def _redrive(appended_ms: int, told: Mapping[str, Any]) -> Redrive:
    attempt = told.get("attempt")
    at = told.get("at")
    return Redrive(
        appended_ms=appended_ms,
        id=str(told.get("id") or ""),
        by=str(told.get("by") or ""),
        attempt=attempt if isinstance(attempt, int) else None,
        at_ms=parse_ms(at) if isinstance(at, str) else None,
    )
