"""What the body of a stream's entry is, and what its headers are. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

__all__ = ["BODY_FIELDS", "EVENT", "FIELD_TOLD", "body_of"]

EVENT = b"event"
BODY_FIELDS = (b"data", b"__data__", b"payload", b"body", b"message", b"value")
"""Where others keep the body, in order of preference."""
FIELD_TOLD = b":field"
_FLAT = frozenset((b"eventType", b"eventId", b"specversion"))


def body_of(fields: Sequence[bytes]) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    """The body and the other fields; ``:field`` tells where a body that is not `event` stood."""
    pairs = list(zip(fields[::2], fields[1::2], strict=True))
    names = [name for name, _ in pairs]
    if EVENT in names:
        return _taken(pairs, names.index(EVENT))
    if not _FLAT.intersection(names):
        for name in BODY_FIELDS:
            if name in names:
                value, headers = _taken(pairs, names.index(name))
                return value, (*headers, (FIELD_TOLD, name))
    flat = _as_object(pairs)
    if flat is None:
        return b"", (*pairs, (FIELD_TOLD, b""))
    return flat, ((FIELD_TOLD, b"*"),)


def _taken(
    pairs: list[tuple[bytes, bytes]], at: int
) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    return pairs[at][1], tuple(pairs[:at] + pairs[at + 1 :])


def _as_object(pairs: list[tuple[bytes, bytes]]) -> bytes | None:
    """A flat entry as a JSON object of its fields; values that are JSON objects or arrays stay such.

    None if a name or value is not UTF-8 or a name stands twice: then the fields are kept as headers.
    """
    try:
        members = {name.decode(): _member(value) for name, value in pairs}
    except UnicodeDecodeError:
        return None
    return msgspec.json.encode(members) if len(members) == len(pairs) else None


def _member(value: bytes) -> str | msgspec.Raw:
    text = value.decode()
    if value[:1] in (b"{", b"["):
        try:
            return msgspec.json.decode(value, type=msgspec.Raw)
        except (msgspec.DecodeError, RecursionError):
            return text
    return text
