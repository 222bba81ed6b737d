"""FastStream on Redis: headers and data in one message, binary (since 0.6) or JSON (before).

https://faststream.ag2.ai/latest/redis/message_format/ — the binary form is: 8 bytes of identity, version,
offset of the headers, offset of the data, number of headers, each name and value behind its length.
A native envelope or a CloudEvent within is read as such.
"""

from __future__ import annotations

from struct import Struct, error
from typing import NamedTuple

from ingest.envelopes import cloudevents, native
from ingest.envelopes.scan import Span
from ingest.envelopes.view import Found, Inner, View

__all__ = ["FORMAT", "decode", "headers", "recognise"]

FORMAT = 5
_IDENTITY = b"\x89BIN\r\n\x1a\n"
_VERSION = 1
_HEAD = Struct(">HII")
_SHORT = Struct(">H")
_TYPE_HEADERS = ("event_type", "message_type", "type")


class _Binary(NamedTuple):
    headers: list[tuple[str, Span]]
    data: Span


def recognise(view: View) -> bool:
    if view.body.startswith(_IDENTITY):
        return _binary(view.body) is not None
    return (
        len(view.members) == 2
        and "data" in view.members
        and "headers" in view.members
        and "correlation_id" in view.inside("headers")
    )


def decode(view: View) -> Found:
    around = {name: view.header_text(span) for name, span in headers(view)}
    binary = _binary(view.body)
    span = binary.data if binary else view.members["data"]
    data = view.raw(span) if binary else view.text("data").encode("utf-8", "replace")
    inner = _inner(view.within(data), span, as_it_is=binary is not None)
    told = inner.found
    return Found(
        FORMAT,
        event_id=told.event_id or around.get("message_id", ""),
        event_type=told.event_type or _first(around, _TYPE_HEADERS),
        version=told.version,
        source=told.source or around.get("source", ""),
        timestamp=told.timestamp,
        correlation_id=told.correlation_id or around.get("correlation_id", ""),
        conversation_id=told.conversation_id,
        causation_id=told.causation_id or around.get("causation_id", ""),
        traceparent=told.traceparent or around.get("traceparent", ""),
        payload=span,
        inner=inner,
        lengths_until=span.start if binary else 0,
    )


def headers(view: View) -> list[tuple[str, Span]]:
    """The headers that travel inside the body."""
    binary = _binary(view.body)
    return binary.headers if binary else view.pairs_inside("headers")


def _inner(data: View, span: Span, *, as_it_is: bool) -> Inner:
    for form in (native, cloudevents):
        if form.recognise(data):
            return Inner(span, data, form.decode(data), as_it_is)
    return Inner(span, data, Found(FORMAT, payload=Span(0, len(data.body))), as_it_is)


def _binary(body: bytes) -> _Binary | None:
    """Where headers and data stand; None if it is not the binary form, or is cut short."""
    if not body.startswith(_IDENTITY):
        return None
    try:
        version, at, data = _HEAD.unpack_from(body, len(_IDENTITY))
        (count,) = _SHORT.unpack_from(body, at)
        if version != _VERSION or data > len(body):
            return None
        found, at = [], at + _SHORT.size
        for _ in range(count):
            name, value = _string(body, at), _string(body, _string(body, at).end)
            found.append((body[name.start : name.end].decode("utf-8", "replace").lower(), value))
            at = value.end
    except error:
        return None
    return _Binary(found, Span(data, len(body))) if at <= data else None


def _string(body: bytes, at: int) -> Span:
    (length,) = _SHORT.unpack_from(body, at)
    return Span(at + _SHORT.size, at + _SHORT.size + length)


def _first(around: dict[str, str], names: tuple[str, ...]) -> str:
    return next((around[name] for name in names if around.get(name)), "")
