"""NServiceBus: everything is in headers, the body is the message (JSON, XML or anything).

https://docs.particular.net/nservicebus/messaging/headers
"""

from __future__ import annotations

from ingest.envelopes.scan import Span
from ingest.envelopes.view import Found, View

__all__ = ["FORMAT", "decode", "iso_time", "recognise"]

FORMAT = 4


def recognise(view: View) -> bool:
    return bool(view.message.headers) and bool(
        _header(view, "enclosedmessagetypes") or _header(view, "messageid")
    )


def decode(view: View) -> Found:
    event_id = _header(view, "messageid")
    correlation = _header(view, "correlationid")
    return Found(
        FORMAT,
        event_id=event_id,
        event_type=_type(_header(view, "enclosedmessagetypes")),
        source=_header(view, "originatingendpoint") or _header(view, "originatingmachine"),
        timestamp=iso_time(_header(view, "timesent")) or None,
        # NServiceBus fills it with the message's own id where nobody set it, which says nothing.
        correlation_id="" if correlation == event_id else correlation,
        conversation_id=_header(view, "conversationid"),
        causation_id=_header(view, "relatedto"),
        traceparent=view.headers.get("traceparent", ""),
        payload=Span(0, len(view.body)),
    )


def iso_time(text: str) -> str:
    """``2026-11-24 10:00:00:123456 Z`` as RFC 3339; anything else as it is."""
    day, _, rest = text.partition(" ")
    clock, _, zone = rest.partition(" ")
    parts = clock.split(":")
    if zone == "Z" and len(parts) == 4:
        return f"{day}T{':'.join(parts[:3])}.{parts[3]}Z"
    return text


def _header(view: View, name: str) -> str:
    return view.headers.get(f"nservicebus.{name}", "")


def _type(enclosed: str) -> str:
    """``Shop.OrderPlaced, Shop.Messages, Version=1.0.0.0, …;…`` → ``Shop.OrderPlaced``."""
    return enclosed.partition(";")[0].partition(",")[0].strip()
