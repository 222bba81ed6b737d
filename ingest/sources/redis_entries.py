"""From a raw XREAD reply to messages: which field is the body, what the others are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ingest.records import Message, Position

__all__ = ["BODY_FIELDS", "messages_of", "parse_id"]

EVENT = b"event"
BODY_FIELDS = (b"data", b"__data__", b"payload", b"body", b"message", b"value")
"""Where others keep the body, in order of preference."""
_FLAT = frozenset((b"eventType", b"eventId", b"specversion"))
_NO_HEADERS: tuple[tuple[bytes, bytes], ...] = ()


def parse_id(entry_id: bytes) -> Position:
    major, _, minor = entry_id.partition(b"-")
    return Position(int(major), int(minor or 0))


def messages_of(entries: Sequence[list[object]]) -> list[Message]:
    """Messages of the raw ``[[id, [field, value, ...]], ...]``."""
    made: list[Message] = []
    keep, new = made.append, tuple.__new__
    for entry_id, fields in entries:
        major, _, minor = entry_id.partition(b"-")  # type: ignore[attr-defined]
        at = int(major)
        position = new(Position, (at, int(minor)))
        if len(fields) == 2 and fields[0] == EVENT:  # type: ignore[arg-type,index]
            keep(new(Message, (position, at, None, fields[1], _NO_HEADERS)))  # type: ignore[index]
        else:
            value, headers = _body(fields)  # type: ignore[arg-type]
            keep(Message(position, at, None, value, headers))
    return made


def _body(fields: list[bytes]) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    """The body and the other fields; ``:field`` tells where a body that is not `event` stood."""
    pairs = list(zip(fields[::2], fields[1::2], strict=True))
    names = [name for name, _ in pairs]
    if EVENT in names:
        return _taken(pairs, names.index(EVENT))
    if not _FLAT.intersection(names):
        for name in BODY_FIELDS:
            if name in names:
                value, headers = _taken(pairs, names.index(name))
                return value, (*headers, (b":field", name))
    flat = _as_object(pairs)
    if flat is None:
        return b"", (*pairs, (b":field", b""))
    return flat, ((b":field", b"*"),)


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
