"""Payloads of system events, and the ids inside them that a search should find."""

from __future__ import annotations

import msgspec

from eventscope.reading import text_of
from ingest.envelopes.breaker_shapes import breaker_change_of
from ingest.envelopes.forgiving import read_forgivingly
from ingest.envelopes.scan import object_members, scalar
from ingest.envelopes.text import ID_LENGTH, bounded_id, clean
from ingest.system import DETAILS, DeadLettered, Receipts

__all__ = ["read_detail", "system_keys", "unquoted"]

_ODD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _envelope_of(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    return msgspec.defstruct("SystemEnvelope", [("payload", kind)])


_WHOLE = {name: msgspec.json.Decoder(_envelope_of(kind)) for name, kind in DETAILS.items()}
_PAYLOAD = {name: msgspec.json.Decoder(kind) for name, kind in DETAILS.items()}


def read_detail(event_type: str, body: bytes, payload: bytes | None) -> object | None:
    """The typed payload of system event ``event_type``; None if it does not decode as one.

    ``payload`` is its bytes where the envelope around it cannot be read strictly.
    """
    detail = _read(event_type, body, payload)
    if isinstance(detail, DeadLettered) and not detail.encoding:
        raw = bytes(detail.event)
        detail.encoding = "utf-8" if unquoted(raw) != raw else ""
    return detail


def _read(event_type: str, body: bytes, payload: bytes | None) -> object | None:
    try:
        if payload is not None:
            return _PAYLOAD[event_type].decode(payload)
        detail: object = _WHOLE[event_type].decode(body).payload  # type: ignore[attr-defined]
    except _ODD:
        told = _payload_in(body) if payload is None else payload
        return _of_another_library(event_type, told) or _forgiven(event_type, told)
    return detail


def _payload_in(body: bytes) -> bytes:
    span = (object_members(body) or {}).get("payload")
    return body[span.start : span.end] if span else b""


def _of_another_library(event_type: str, payload: bytes) -> object | None:
    if event_type != "CircuitBreakerStateChanged":
        return None
    try:
        return breaker_change_of(msgspec.json.decode(payload))
    except _ODD:
        return None


def _forgiven(event_type: str, payload: bytes) -> object | None:
    """A payload that is written as a text is read as what stands in that."""
    if payload.startswith(b'"'):
        payload = text_of(scalar(payload)).encode("utf-8", "replace")
    return read_forgivingly(DETAILS[event_type], payload)


def unquoted(event: bytes) -> bytes:
    """The JSON object that ``event`` holds as a string, as others keep an original; else ``event`` as it is."""
    if not event.startswith(b'"'):
        return event
    try:
        text = msgspec.json.decode(event, type=str).encode()
    except _ODD:
        return event
    return event if object_members(text) is None else text


def system_keys(detail: object) -> tuple[str, ...]:
    """Ids of the events that receipts tell of, and of the event that a dead letter holds."""
    if isinstance(detail, Receipts):
        return _stored_ids([receipt.event_id for receipt in detail.receipts])
    if isinstance(detail, DeadLettered):
        return _original_ids(_as_json(detail))
    return ()


def _stored_ids(ids: list[str]) -> tuple[str, ...]:
    """Bounded and clean; looked at all together, as mostly there is nothing to do."""
    together = "".join(ids)
    plain = (
        together.isascii() and "\0" not in together and max(map(len, ids), default=0) <= ID_LENGTH
    )
    if not plain:
        ids = [bounded_id(clean(id)) for id in ids]
    return tuple(dict.fromkeys(filter(None, ids)))


def _as_json(letter: DeadLettered) -> bytes:
    raw = bytes(letter.event)
    if letter.encoding != "utf-8":
        return raw
    text = unquoted(raw)
    return text_of(scalar(raw)).encode("utf-8", "replace") if text is raw else text


def _original_ids(event: bytes) -> tuple[str, ...]:
    members = object_members(event) or {}
    span = members.get("eventId") or members.get("id")
    text = text_of(scalar(event[span.start : span.end])) if span else ""
    return (bounded_id(clean(text)),) if text else ()
