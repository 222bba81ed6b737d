"""What fits no envelope is kept all the same: an event named after its topic."""

from __future__ import annotations

from ingest.envelopes.scan import Span
from ingest.envelopes.view import Found, View

__all__ = ["FORMAT", "decode"]

FORMAT = 15


def decode(view: View) -> Found:
    """Its id is made of topic and position (see `ingest.envelopes.finish`)."""
    return Found(
        FORMAT,
        event_type=view.topic,
        correlation_id=view.headers.get("correlation_id") or view.headers.get("correlation-id", ""),
        traceparent=view.headers.get("traceparent", ""),
        payload=Span(0, len(view.body)),
    )
