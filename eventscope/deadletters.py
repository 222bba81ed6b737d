"""The letter that a failed event becomes on the dead-letter topic."""

from __future__ import annotations

import base64

import msgspec

from eventscope.envelope import Event, encode_event, new_event
from eventscope.payloads import DeadLetteredEvent, ErrorInfo, partition_and_offset
from eventscope.stamps import format_ms
from eventscope.transports.base import Delivery, Outgoing

__all__ = ["dead_letter"]


def dead_letter(
    delivery: Delivery,
    event: Event | None,
    error: ErrorInfo,
    *,
    topic: str,
    consumer: str,
    group: str,
    instance: str,
    version: str,
    first_failed_ms: int | None,
    failed_ms: int,
) -> Outgoing:
    """A `DeadLettered` envelope for ``delivery``; ``event`` is None when it could not be decoded.

    The original's headers go along as fields of the entry, so that a redrive can restore them.
    """
    raw, encoding = _raw(delivery.body or b"")
    partition, offset = partition_and_offset(delivery.entry)
    letter = new_event(
        "DeadLettered",
        DeadLetteredEvent(
            event=raw,
            error=error,
            consumer=consumer,
            consumer_group=group,
            instance=instance,
            attempts=delivery.attempt,
            original_topic=delivery.topic,
            original_partition=partition,
            original_offset=offset,
            first_failed_at=format_ms(first_failed_ms or failed_ms),
            last_failed_at=format_ms(failed_ms),
            encoding=encoding,
        ),
        source=consumer,
        version=version,
        correlation_id=event.correlation_id if event else None,
        causation_id=event.event_id if event else None,
        traceparent=(event.traceparent or None) if event else None,
    )
    return Outgoing(topic, encode_event(letter), delivery.headers)


def _raw(body: bytes) -> tuple[msgspec.Raw, str | msgspec.UnsetType]:
    """The body as a JSON value: itself where it is JSON, else a string (see DeadLetteredEvent).

    A body that is a JSON string is quoted once more, so that nobody takes the string for the original.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _quoted(base64.b64encode(body).decode()), "base64"
    if body and not body.lstrip().startswith(b'"') and _is_json(body):
        return msgspec.Raw(body), msgspec.UNSET
    return _quoted(text), "utf-8"


def _is_json(body: bytes) -> bool:
    """Anything that msgspec reads as JSON; nesting too deep for it counts as not."""
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True


def _quoted(text: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(text))
