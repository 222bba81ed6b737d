"""What every format looks at, and what it finds."""

from __future__ import annotations

from functools import cached_property

import msgspec

from ingest.envelopes.scan import Span, object_members, scalar, text_of
from ingest.records import Message

__all__ = ["Found", "View"]


class Found(msgspec.Struct):
    """What a format read out of one message, before it is bounded and checked.

    ``payload`` is the span of the payload within the body, None if there is none.
    """

    format: int
    event_id: str = ""
    event_type: str = ""
    source: str = ""
    timestamp: object = None
    correlation_id: str = ""
    conversation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""
    version: str = ""
    payload: Span | None = None


class View:
    """One message, with its headers by lower-case name and its JSON members found on demand."""

    def __init__(self, message: Message, topic: str) -> None:
        self.message = message
        self.topic = topic
        self.body = message.value

    @cached_property
    def members(self) -> dict[str, Span]:
        """Top-level members of the body, {} if it is not a JSON object."""
        return object_members(self.body) or {}

    @cached_property
    def headers(self) -> dict[str, str]:
        return {
            name.decode("utf-8", "replace").lower(): value.decode("utf-8", "replace")
            for name, value in self.message.headers
        }

    def inside(self, name: str) -> dict[str, Span]:
        """Members of the object that stands under ``name``, {} if there is none."""
        span = self.members.get(name)
        return (object_members(self.body, *span) or {}) if span else {}

    def raw(self, span: Span | None) -> bytes:
        return self.body[span.start : span.end] if span else b""

    def value(self, name: str, within: dict[str, Span] | None = None) -> object:
        """The scalar under ``name``, None if absent or not a scalar."""
        span = (self.members if within is None else within).get(name)
        return scalar(self.raw(span)) if span else None

    def text(self, name: str, within: dict[str, Span] | None = None) -> str:
        """The string or number under ``name`` as text, else ""."""
        return text_of(self.value(name, within))
