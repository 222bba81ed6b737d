"""The lineage of a redriven event: which redrive put it back, the how-manieth, by whom, when.

A native envelope carries it as ``metadata.redrive`` (CONTRACT §3), put in without touching any other
byte. Any other message keeps its body as it was and carries the same object as JSON in the header
``eventscope-redrive``. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ingest.envelopes.scan import Span, object_members, span_of

__all__ = ["HEADER", "Lineage", "Pairs", "redrives_of", "with_lineage"]

HEADER = b"eventscope-redrive"
_MOST = 1_000_000
_ODD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Pairs = Sequence[tuple[bytes, bytes]]


class Lineage(msgspec.Struct, frozen=True, omit_defaults=True):
    """``attempt`` counts the redrives of the event from 1; ``at`` is RFC 3339.

    ``edited``: it is another event, made of the one that had failed.
    """

    id: str
    attempt: int
    by: str
    at: str
    edited: bool = False


class _Attempt(msgspec.Struct):
    attempt: int = 0


class _Native(msgspec.Struct):
    """What makes an envelope a native one, as it stands there."""

    event_id: msgspec.Raw = msgspec.field(name="eventId")
    event_type: msgspec.Raw = msgspec.field(name="eventType")
    metadata: msgspec.Raw


class _Metadata(msgspec.Struct):
    redrive: msgspec.Raw = msgspec.Raw(b"")


class Message(NamedTuple):
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


_attempt = msgspec.json.Decoder(_Attempt)
_native = msgspec.json.Decoder(_Native)
_inner = msgspec.json.Decoder(_Metadata)


def with_lineage(body: bytes, headers: Pairs, lineage: Lineage) -> Message:
    """The message as it is put back."""
    told = msgspec.json.encode(lineage)
    others = tuple((name, value) for name, value in headers if name.lower() != HEADER)
    marked = _in_metadata(body, told)
    if marked is not None:
        return Message(marked, others)
    return Message(body, (*others, (HEADER, told)))


def redrives_of(body: bytes, headers: Pairs) -> int:
    """How often a message had been put back, by what it carries; 0 for never."""
    told = next((value for name, value in headers if name.lower() == HEADER), b"")
    members = _metadata(body)
    if members is not None:
        _, _, redrive = members
        told = told if redrive is None else body[redrive.start : redrive.end]
    try:
        attempt = _attempt.decode(told).attempt if told else 0
    except _ODD:
        return 0
    return attempt if 0 < attempt < _MOST else 0


def _in_metadata(body: bytes, told: bytes) -> bytes | None:
    """``body`` with ``metadata.redrive``; None if it is no native envelope."""
    found = _metadata(body)
    if found is None:
        return None
    metadata, empty, redrive = found
    if redrive is not None:
        return body[: redrive.start] + told + body[redrive.end :]
    at = metadata.start + 1
    comma = b"" if empty else b","
    return body[:at] + b'"redrive":' + told + comma + body[at:]


def _metadata(body: bytes) -> tuple[Span, bool, Span | None] | None:
    """Where a native envelope's metadata stand, whether they are empty, and the redrive in them.

    A well-formed envelope is asked for these members only, for every letter that is put back comes here.
    """
    try:
        raw = _native.decode(body).metadata
        redrive = _inner.decode(raw).redrive
    except _ODD:
        return _metadata_of_any(body)
    metadata = span_of(raw, body)
    empty = not body[metadata.start + 1 : metadata.end - 1].strip()
    return metadata, empty, span_of(redrive, body) if bytes(redrive) else None


def _metadata_of_any(body: bytes) -> tuple[Span, bool, Span | None] | None:
    members = object_members(body)
    if members is None or not {"eventId", "eventType", "metadata"} <= members.keys():
        return None
    metadata = members["metadata"]
    inner = object_members(body, *metadata)
    if inner is None:
        return None
    return metadata, not inner, inner.get("redrive")
