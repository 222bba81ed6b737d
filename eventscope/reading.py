"""Events that the kit did not write itself, read by the rules of docs/wire-format.md. Pure.

A native envelope may have numbers where texts are usual, nulls, an epoch for its time, or members
that stand at the top instead of in ``metadata``. CloudEvents 1.0 are structured (the body is the
envelope) or binary (``ce_*`` or ``ce-*`` headers, the body is the data).
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

from eventscope.stamps import epoch_ms, format_ms

__all__ = [
    "Headers",
    "Read",
    "cloud_attributes",
    "cloud_metadata",
    "is_native",
    "read_message",
    "text_of",
]

Headers = Sequence[tuple[bytes, bytes]]

REDRIVE = "eventscope-redrive"
_METADATA = (
    "source",
    "version",
    "correlationId",
    "conversationId",
    "causationId",
    "traceparent",
)
_CLOUD = {
    "source": "source",
    "correlationid": "correlationId",
    "conversationid": "conversationId",
    "causationid": "causationId",
    "dataschema": "version",
}
"""Attributes of a CloudEvent that the native envelope has a name for; all others keep theirs."""
_OWN = frozenset(("specversion", "id", "type", "time", "data", "data_base64"))


class Read(NamedTuple):
    """What was read; ``event_id`` and ``event_type`` are "" where the message does not tell them."""

    event_id: str
    event_type: str
    timestamp: str
    payload: Any
    metadata: dict[str, Any]


def read_message(body: bytes, headers: Headers = ()) -> Read | None:
    """The native envelope or CloudEvent that this is, or None."""
    told = _header_texts(headers)
    envelope = _object(body)
    if is_native(envelope):
        return _native(envelope, told)
    if "specversion" in envelope and "type" in envelope:
        return _cloud(envelope, told)
    attributes = cloud_attributes(told)
    if attributes.get("specversion") and attributes.get("type"):
        return _cloud({**attributes, "data": _data(body)}, told)
    return None


def _header_texts(headers: Headers) -> dict[str, str]:
    """Headers by lower-case name."""
    return {
        name.decode("utf-8", "replace").lower(): value.decode("utf-8", "replace")
        for name, value in headers
    }


def text_of(value: object) -> str:
    """A string or number as text, "" for all else (ids may arrive as numbers)."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""


def cloud_attributes(headers: Mapping[str, str]) -> dict[str, str]:
    """The attributes in ``headers`` (by lower-case name) of a binary CloudEvent."""
    return {name[3:]: value for name, value in headers.items() if name.startswith(("ce_", "ce-"))}


def cloud_metadata(event: Mapping[str, Any]) -> dict[str, Any]:
    """What a CloudEvent tells beside id, type, time and data, as the native envelope names it."""
    return {_CLOUD.get(name, name): value for name, value in event.items() if name not in _OWN}


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object that ``body`` is, {} if it is none."""
    try:
        value = json.loads(body.decode("utf-8-sig"), strict=False)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def is_native(members: Container[str]) -> bool:
    """An object that names its ``eventType``, or has an ``eventId`` beside payload or metadata."""
    return "eventType" in members or (
        "eventId" in members and ("payload" in members or "metadata" in members)
    )


def _native(envelope: Mapping[str, Any], headers: Mapping[str, str]) -> Read:
    found = envelope.get("metadata")
    metadata: dict[str, Any] = dict(found) if isinstance(found, dict) else {}
    for name in _METADATA:
        if not text_of(metadata.get(name)) and text_of(envelope.get(name)):
            metadata[name] = text_of(envelope[name])
    return _read(
        envelope.get("eventId"),
        envelope.get("eventType"),
        envelope.get("timestamp"),
        envelope.get("payload"),
        metadata,
        headers,
    )


def _cloud(event: Mapping[str, Any], headers: Mapping[str, str]) -> Read:
    metadata = cloud_metadata(event)
    redrive = _redrive(headers.get(REDRIVE, ""))
    if redrive is not None:
        metadata["redrive"] = redrive
    payload = event.get("data", event.get("data_base64"))
    return _read(event.get("id"), event.get("type"), event.get("time"), payload, metadata, headers)


def _read(
    event_id: object,
    event_type: object,
    time: object,
    payload: Any,
    metadata: dict[str, Any],
    headers: Mapping[str, str],
) -> Read:
    if not text_of(metadata.get("traceparent")) and headers.get("traceparent"):
        metadata["traceparent"] = headers["traceparent"]
    return Read(text_of(event_id), text_of(event_type), _stamp(time), payload, metadata)


def _stamp(time: object) -> str:
    if isinstance(time, str):
        return time
    if not isinstance(time, int | float) or isinstance(time, bool):
        return ""
    millis = epoch_ms(time)
    return "" if millis is None else format_ms(millis)


def _data(body: bytes) -> Any:
    """JSON where it is that, else the text; None for bytes that are no text, and for nothing."""
    try:
        text = body.decode("utf-8-sig")
        return json.loads(text, strict=False) if text else None
    except UnicodeDecodeError:
        return None
    except (ValueError, RecursionError):
        return text


def _redrive(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
