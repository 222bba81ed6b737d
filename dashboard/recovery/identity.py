"""What makes an envelope this event and no other, and how another event is made of it. Pure.

Native and CloudEvents envelopes (structured) only: where others keep their id can be read, but not
surely be written. Everything that is not identity stays as it is, to the byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from ingest.envelopes.scan import object_members

__all__ = ["Identity", "held", "identity_of", "put_at", "renewed", "value_at"]

Names = tuple[str, ...]


class Identity(NamedTuple):
    """Where an envelope of this format keeps what tells it apart, and what else is read of it."""

    format: str
    id: Names
    correlation: Names
    cause: Names
    others: tuple[Names, ...]
    type: Names
    version: Names
    payload: Names


_NATIVE = Identity(
    "native",
    ("eventId",),
    ("metadata", "correlationId"),
    ("metadata", "causationId"),
    (("metadata", "redrive"),),
    ("eventType",),
    ("metadata", "version"),
    ("payload",),
)
_CLOUDEVENTS = Identity(
    "cloudevents",
    ("id",),
    ("correlationid",),
    ("causationid",),
    (("specversion",), ("conversationid",)),
    ("type",),
    ("dataschema",),
    ("data",),
)


def identity_of(envelope: Any) -> Identity | None:
    """By the members of the decoded envelope; None if it is of neither format."""
    if not isinstance(envelope, dict):
        return None
    if isinstance(envelope.get("eventId"), str) and "eventType" in envelope:
        return _NATIVE
    if "specversion" in envelope and "type" in envelope and isinstance(envelope.get("id"), str):
        return _CLOUDEVENTS
    return None


def held(before: Any, after: Any, identity: Identity) -> str:
    """The first part of the identity that differs, as people write it; "" if none does."""
    for names in (identity.id, identity.correlation, identity.cause, *identity.others):
        if value_at(before, names) != value_at(after, names):
            return ".".join(names)
    return ""


def renewed(
    body: bytes, identity: Identity, *, event_id: str, correlation_id: str, cause: str
) -> bytes:
    """``body``, a JSON object, as the event ``event_id`` caused by ``cause``."""
    for names, value in (
        (identity.id, event_id),
        (identity.correlation, correlation_id),
        (identity.cause, cause),
    ):
        body = put_at(body, names, msgspec.json.encode(value))
    return body


def value_at(value: Any, names: Names) -> Any:
    """The value at the path, None where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def put_at(body: bytes, names: Sequence[str], value: bytes) -> bytes:
    """``body`` with the JSON ``value`` at the path; no other byte is touched. Objects on the way are made."""
    name, *rest = names
    members = object_members(body) or {}
    span = members.get(name)
    if rest:
        inner = b"{}" if span is None else body[span.start : span.end]
        value = put_at(inner if inner[:1] == b"{" else b"{}", rest, value)
    if span is not None:
        return body[: span.start] + value + body[span.end :]
    at = body.index(b"{") + 1
    comma = b"," if members else b""
    return body[:at] + msgspec.json.encode(name) + b":" + value + comma + body[at:]
