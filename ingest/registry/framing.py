"""Confluent's wire format: a zero byte, the schema's number in four, and what the schema describes.

https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.records import Message
from ingest.registry.errors import Undecodable
from ingest.registry.schemas import Schemas
from ingest.wire import SCHEMA, UNDECODED, WIRE, without_wire

__all__ = ["Unframer"]

_MAGIC = b"\0"
_HEAD = 5
_LONGEST_REASON = 250


class Unframer:
    """Reads framed values by the schemas of one registry.

    Values above ``most_bytes`` are left as they are. Without ``keeps_wire`` (parts of events are to be
    hidden) the bytes that arrived are not kept.
    """

    def __init__(self, schemas: Schemas, *, most_bytes: int, keeps_wire: bool) -> None:
        self._schemas = schemas
        self._most_bytes = most_bytes
        self._keeps_wire = keeps_wire

    def unframe(self, messages: Sequence[Message]) -> Sequence[Message]:
        """``messages`` with every framed one made readable, or marked. Total: nothing makes it raise."""
        if not any(message.value[:1] == _MAGIC for message in messages):
            return messages
        until = self._schemas.deadline()
        return [
            self._unframed(message, until) if message.value[:1] == _MAGIC else message
            for message in messages
        ]

    def _unframed(self, message: Message, until: float) -> Message:
        others = without_wire(message.headers)
        value, kind = message.value, ""
        try:
            number = self._number(value)
            kind = f"{number}"
            schema = self._schemas.get(number, until)
            kind = f"{schema.kind} {number}"
            body = schema.read(value[_HEAD:])
        except Undecodable as error:
            named = ((SCHEMA, kind.encode()),) if kind else ()
            reason = (UNDECODED, str(error)[:_LONGEST_REASON].encode())
            return message._replace(headers=(*others, *named, reason))
        told = ((SCHEMA, kind.encode()), *(((WIRE, value),) if self._keeps_wire else ()))
        return message._replace(value=body, headers=(*others, *told))

    def _number(self, value: bytes) -> int:
        if len(value) <= _HEAD:
            raise Undecodable(f"the value is cut: {len(value)} bytes begin with a zero")
        if len(value) > self._most_bytes:
            raise Undecodable(f"{len(value)} bytes are more than [limits] body_bytes")
        return int.from_bytes(value[1:_HEAD], "big")
