"""The event and its native envelope: JSON, UTF-8, as the guide has it.

The ids of the event being handled travel in a context variable, so that whatever a handler
publishes carries the correlation on and names its cause, through any depth of calls and tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec

from eventscope.errors import EnvelopeError
from eventscope.reading import Headers, Read, read_message, text_of
from eventscope.stamps import (
    format_ms,
    moment_ms,
    new_event_id,
    new_span_id,
    now_ms,
    trace_id,
)

__all__ = ["Event", "current_event", "decode_event", "encode_event", "handling", "new_event"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable event.

    The first five fields are the envelope. The others say where this delivery came from and are
    never written: ``attempt`` counts deliveries to the consumer group from 1, ``position`` is the
    entry id in ``topic``, ``key`` the key that it was published with.
    """

    event_id: str
    event_type: str
    timestamp: str
    payload: Any = None
    metadata: dict[str, Any] = {}
    attempt: int = 1
    topic: str = ""
    position: str = ""
    key: str = ""

    @property
    def source(self) -> str:
        return self._text("source")

    @property
    def version(self) -> str:
        return self._text("version")

    @property
    def correlation_id(self) -> str:
        """The explicit one, else the conversation's, else the trace's, else the event's own id."""
        return (
            self._text("correlationId")
            or self._text("conversationId")
            or trace_id(self.traceparent)
            or self.event_id
        )

    @property
    def causation_id(self) -> str:
        return self._text("causationId")

    @property
    def traceparent(self) -> str:
        return self._text("traceparent")

    @property
    def redrive(self) -> Mapping[str, Any] | None:
        """Who put this event back and when; None for one that was never redriven."""
        value = self.metadata.get("redrive")
        return value if isinstance(value, dict) else None

    @property
    def occurred_ms(self) -> int | None:
        """``timestamp`` in milliseconds; None when it cannot be read."""
        return moment_ms(self.timestamp)

    def _text(self, name: str) -> str:
        return text_of(self.metadata.get(name))


class _Envelope(msgspec.Struct, rename="camel", gc=False):
    event_id: str
    event_type: str
    timestamp: str = ""
    payload: Any = None
    metadata: dict[str, Any] = {}


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Envelope)
_current: ContextVar[Event | None] = ContextVar("eventscope_event", default=None)


def current_event() -> Event | None:
    """The event being handled in this context; None outside a handler."""
    return _current.get()


@contextmanager
def handling(event: Event) -> Iterator[None]:
    """Inside, ``event`` is what new events are caused by."""
    token = _current.set(event)
    try:
        yield
    finally:
        _current.reset(token)


def new_event(
    event_type: str,
    payload: Any = None,
    *,
    source: str = "",
    version: str = "1.0",
    correlation_id: str | None = None,
    causation_id: str | None = None,
    traceparent: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Event:
    """A new event with id, time and metadata.

    What is not given comes from the event being handled: its correlation id, its id as the cause,
    its trace with a new span. Without one, an event starts a correlation under its own id.
    ``metadata`` adds fields and wins over all of them.
    """
    event_id, cause = new_event_id(), _current.get()
    if cause is not None:
        correlation_id = correlation_id or cause.correlation_id
        causation_id = causation_id or cause.event_id
        traceparent = traceparent or _child_span(cause.traceparent)
    fields: dict[str, Any] = {
        "source": source,
        "version": version,
        "correlationId": correlation_id or event_id,
    }
    if causation_id:
        fields["causationId"] = causation_id
    if traceparent:
        fields["traceparent"] = traceparent
    if metadata:
        fields.update(metadata)
    return Event(
        event_id=event_id,
        event_type=event_type,
        timestamp=format_ms(now_ms()),
        payload=payload,
        metadata=fields,
    )


def encode_event(event: Event) -> bytes:
    """The envelope as JSON. Raises `EnvelopeError` when the payload cannot be written as JSON."""
    try:
        return _encoder.encode(
            _Envelope(
                event.event_id, event.event_type, event.timestamp, event.payload, event.metadata
            )
        )
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise EnvelopeError(f"{event.event_type} cannot be written as JSON: {error}") from error


def decode_event(
    body: bytes,
    *,
    attempt: int = 1,
    topic: str = "",
    position: str = "",
    key: str = "",
    headers: Headers = (),
) -> Event:
    """The event in ``body``: the native envelope, or a CloudEvent, whose data are its payload.

    One without an id is named by its ``topic`` and ``position``, as the dashboard does. Raises
    `EnvelopeError` with the reason when there is no event.
    """
    wire = _decode(body, headers)
    event_id = wire.event_id or (f"{topic}@{position}" if topic and position else "")
    event_type = wire.event_type or topic
    if not event_id or not event_type:
        raise EnvelopeError("not a native envelope: eventId or eventType is empty")
    return Event(
        event_id=event_id,
        event_type=event_type,
        timestamp=wire.timestamp,
        payload=wire.payload,
        metadata=wire.metadata,
        attempt=attempt,
        topic=topic,
        position=position,
        key=key,
    )


def _decode(body: bytes, headers: Headers) -> _Envelope | Read:
    try:
        wire = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return _decode_forgivingly(body, headers, error)
    if headers and not wire.metadata.get("traceparent"):
        trace = [value for name, value in headers if name.lower() == b"traceparent"]
        if trace:
            wire.metadata["traceparent"] = trace[-1].decode("utf-8", "replace")
    return wire


def _decode_forgivingly(body: bytes, headers: Headers, error: Exception) -> Read:
    """What is not written as the kit writes it; refused with the strict reader's reason."""
    read = read_message(body, headers)
    if read is None:
        raise EnvelopeError(f"not a native envelope: {error}") from error
    return read


def _child_span(traceparent: str) -> str | None:
    """The same trace with a new span (https://www.w3.org/TR/trace-context/#traceparent-header)."""
    parts = traceparent.split("-")
    if len(parts) != 4 or len(parts[1]) != 32:
        return None
    return f"{parts[0]}-{parts[1]}-{new_span_id()}-{parts[3]}"
