"""CloudEvents 1.0: structured (the body is the envelope) and binary (attributes in headers).

https://github.com/cloudevents/spec — headers are ``ce_*`` (Kafka) or ``ce-*`` (HTTP and others);
extensions used: correlationid, causationid, conversationid, and traceparent of the tracing extension.
"""

from __future__ import annotations

from ingest.envelopes.scan import Span
from ingest.envelopes.view import Found, View

__all__ = ["BINARY", "STRUCTURED", "decode", "decode_binary", "recognise", "recognise_binary"]

STRUCTURED = 1
BINARY = 2


def recognise(view: View) -> bool:
    return "specversion" in view.members and "type" in view.members


def decode(view: View) -> Found:
    return Found(
        STRUCTURED,
        event_id=view.text("id"),
        event_type=view.text("type"),
        source=view.text("source"),
        timestamp=view.value("time"),
        correlation_id=view.text("correlationid"),
        conversation_id=view.text("conversationid"),
        causation_id=view.text("causationid"),
        traceparent=view.text("traceparent"),
        version=view.text("dataschema"),
        payload=view.members.get("data", view.members.get("data_base64")),
    )


def recognise_binary(view: View) -> bool:
    return bool(_attribute(view, "specversion") and _attribute(view, "type"))


def decode_binary(view: View) -> Found:
    return Found(
        BINARY,
        event_id=_attribute(view, "id"),
        event_type=_attribute(view, "type"),
        source=_attribute(view, "source"),
        timestamp=_attribute(view, "time") or None,
        correlation_id=_attribute(view, "correlationid"),
        conversation_id=_attribute(view, "conversationid"),
        causation_id=_attribute(view, "causationid"),
        traceparent=_attribute(view, "traceparent") or view.headers.get("traceparent", ""),
        version=_attribute(view, "dataschema"),
        payload=Span(0, len(view.body)),
    )


def _attribute(view: View, name: str) -> str:
    return view.headers.get(f"ce_{name}") or view.headers.get(f"ce-{name}", "")
