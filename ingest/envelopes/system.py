"""Payloads of system events, and the ids inside them that a search should find."""

from __future__ import annotations

import msgspec

from ingest.envelopes.breaker_shapes import breaker_change_of
from ingest.envelopes.scan import object_members, scalar, text_of
from ingest.envelopes.text import ID_LENGTH, bounded_id, clean
from ingest.system import DETAILS, DeadLettered, Receipts

__all__ = ["read_detail", "system_keys"]

_ODD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _envelope_of(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    return msgspec.defstruct("SystemEnvelope", [("payload", kind)])


_WHOLE = {name: msgspec.json.Decoder(_envelope_of(kind)) for name, kind in DETAILS.items()}
_PAYLOAD = {name: msgspec.json.Decoder(kind) for name, kind in DETAILS.items()}


def read_detail(event_type: str, body: bytes, payload: bytes | None) -> object | None:
    """The typed payload of system event ``event_type``; None if it does not decode as one.

    ``payload`` is its bytes where the envelope around it cannot be read strictly.
    """
    try:
        if payload is not None:
            return _PAYLOAD[event_type].decode(payload)
        envelope = _WHOLE[event_type].decode(body)
    except _ODD:
        return _of_another_library(event_type, body, payload)
    detail: object = envelope.payload  # type: ignore[attr-defined]
    return detail


def _of_another_library(event_type: str, body: bytes, payload: bytes | None) -> object | None:
    if event_type != "CircuitBreakerStateChanged":
        return None
    try:
        told = msgspec.json.decode(body if payload is None else payload)
    except _ODD:
        return None
    if payload is None:
        told = told.get("payload") if isinstance(told, dict) else None
    return breaker_change_of(told)


def system_keys(detail: object) -> tuple[str, ...]:
    """Ids of the events that receipts tell of, and of the event that a dead letter holds."""
    if isinstance(detail, Receipts):
        return _stored_ids([receipt.event_id for receipt in detail.receipts])
    if isinstance(detail, DeadLettered):
        return _original_ids(bytes(detail.event))
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


def _original_ids(event: bytes) -> tuple[str, ...]:
    members = object_members(event) or {}
    span = members.get("eventId") or members.get("id")
    text = text_of(scalar(event[span.start : span.end])) if span else ""
    return (bounded_id(clean(text)),) if text else ()
