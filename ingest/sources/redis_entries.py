"""From a raw XREAD reply to messages: which field is the body, what the others are."""

from __future__ import annotations

from collections.abc import Sequence

from eventscope.transports.redis_fields import EVENT, body_of
from ingest.records import Message, Position

__all__ = ["messages_of", "parse_id"]

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
            keep(new(Message, (position, at, None, fields[1], _NO_HEADERS, None)))  # type: ignore[index]
        else:
            value, headers = body_of(fields)  # type: ignore[arg-type]
            keep(Message(position, at, None, value, headers))
    return made
