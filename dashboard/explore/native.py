"""A stored event in the guide's own envelope, whatever format it came in: for the API, copies and downloads."""

from __future__ import annotations

from typing import Any

from eventscope.stamps import format_ms
from ingest.queries.entities import document_of, metadata_of
from ingest.queries.events import EventView

__all__ = ["event_json", "iso", "native_envelope"]


def iso(ms: int | float | None) -> str | None:
    """``2026-11-24T10:00:00.123Z``; None for no time (0 is how "never" is stored)."""
    return format_ms(int(ms)) if ms else None


def event_json(event: EventView, outcome: str) -> dict[str, Any]:
    """The envelope, plus ``topic, position, receivedAt, outcome``.

    An event of another format is told in the native form, its data as ``payload``.
    """
    return {
        **native_envelope(event),
        "topic": event.topic,
        "position": event.position,
        "receivedAt": iso(event.appended_ms),
        "outcome": outcome or None,
    }


def native_envelope(event: EventView) -> dict[str, Any]:
    """``eventId, eventType, timestamp, payload, metadata``; a native event with all that it holds.

    Members that it lacks are null; its metadata are then what is known of it.
    """
    told = document_of(event)
    whole = {"eventId": "", "eventType": "", "timestamp": None, "payload": None, **told}
    return {**whole, "metadata": told.get("metadata") or metadata_of(event)}
