"""The event that stands at a known place."""

from __future__ import annotations

from ingest.queries.events import EventView, shared_store
from ingest.store.base import Cursor, EventFilter

__all__ = ["event_at"]


def event_at(*, stream_id: int, appended_ms: int, major: int, minor: int) -> EventView | None:
    """The event stored from this position of this stream; None if it is not stored any more."""
    page = shared_store().scan(
        EventFilter(since_ms=appended_ms, until_ms=appended_ms + 1),
        after=Cursor(appended_ms, stream_id, major, minor - 1),
        limit=1,
        newest_first=False,
    )
    for event in page.events:
        if (event.stream_id, *event.position) == (stream_id, major, minor):
            return EventView(event)
    return None
