"""What every format looks at, and what it finds."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import msgspec

from eventscope.reading import text_of
from ingest.envelopes.scan import Span, object_members, object_pairs, scalar
from ingest.records import Message

__all__ = ["Found", "Inner", "View"]


class Found(msgspec.Struct):
    """What a format read out of one message, before it is bounded and checked.

    ``payload`` is the span of the payload within the body, None if there is none. ``inner`` is the
    message within a wrapper. Values that stand before ``lengths_until`` have their lengths written
    beside them. ``detail`` is what a report of another library says in our words (`ingest.system`).
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
    inner: Inner | None = None
    lengths_until: int = 0
    detail: object | None = None


class Inner(NamedTuple):
    """A message within another: where it stands, what it is.

    ``as_it_is`` says that its bytes are those of the span; else they are written as a string there.
    """

    span: Span
    view: View
    found: Found
    as_it_is: bool


class View:
    """One message, with its headers by lower-case name and its JSON members found on demand."""

    def __init__(self, message: Message, topic: str) -> None:
        self.message = message
        self.topic = topic
        self.body = message.value

    def within(self, value: bytes) -> View:
        """The message that ``value`` is, which travels inside this one."""
        return View(self.message._replace(value=value, headers=()), self.topic)

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

    def pairs_inside(self, name: str) -> list[tuple[str, Span]]:
        """Lower-case name and value of each member of the object under ``name``, twins included."""
        span = self.members.get(name)
        pairs = object_pairs(self.body, *span) if span else None
        return [(inner.lower(), place) for inner, place in pairs or []]

    def header_text(self, span: Span) -> str:
        """A header's value: a JSON string or number, or in a binary envelope the bytes themselves."""
        raw = self.raw(span)
        return text_of(scalar(raw)) if self.members else raw.decode("utf-8", "replace")

    def raw(self, span: Span | None) -> bytes:
        return self.body[span.start : span.end] if span else b""

    def value(self, name: str, within: dict[str, Span] | None = None) -> object:
        """The scalar under ``name``, None if absent or not a scalar."""
        span = (self.members if within is None else within).get(name)
        return scalar(self.raw(span)) if span else None

    def text(self, name: str, within: dict[str, Span] | None = None) -> str:
        """The string or number under ``name`` as text, else ""."""
        return text_of(self.value(name, within))
