"""Events as callers post them: read strictly, made whole, given a topic. Pure.

An object with ``specversion`` is a CloudEvent and is published as it is, with a time if it has none;
any other is the native envelope, whose missing ids and times are filled in. ``topic`` and ``key`` beside the envelope's own
fields say where it goes and are not part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from eventscope.stamps import format_ms, new_event_id
from eventscope.stamps import parse_ms as zoned_ms
from ingest.options import BrokerOptions
from ingest.timestamps import parse_ms

__all__ = [
    "MAX_BATCH",
    "Draft",
    "DraftError",
    "broker_of",
    "parse_drafts",
]

MAX_BATCH = 1000
LONGEST = 255
_NATIVE = {"eventId", "eventType", "timestamp", "payload", "metadata", "topic", "key"}


class DraftError(ValueError):
    """``index`` is the event's place in the batch; None when the body itself is not right."""

    def __init__(self, index: int | None, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.index = index
        self.place = place
        self.message = message


@dataclass(frozen=True, slots=True)
class Draft:
    """One event ready to append to ``topic`` of ``broker``."""

    event_id: str
    event_type: str
    topic: str
    broker: str
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def parse_drafts(
    body: bytes,
    *,
    now_ms: int,
    brokers: Mapping[str, BrokerOptions],
    topic: str = "",
    topic_of_type: Callable[[str], str],
) -> tuple[list[Draft], list[DraftError]]:
    """The events in ``body`` (one or a list) and what is wrong with those that are not.

    ``topic`` is for events that name none themselves; failing that ``topic_of_type`` tells where
    the type was seen before. Raises `DraftError` when the body is no JSON object or list.
    """
    items = _items(body)
    drafts: list[Draft] = []
    errors: list[DraftError] = []
    for index, item in enumerate(items):
        try:
            drafts.append(_draft(index, item, now_ms, brokers, topic, topic_of_type))
        except DraftError as error:
            errors.append(error)
    return drafts, errors


def broker_of(topic: str, brokers: Mapping[str, BrokerOptions]) -> str:
    """The name of the broker that watches ``topic``; "" for none."""
    for name, broker in brokers.items():
        if any(fnmatchcase(topic, pattern) for pattern in broker.topics):
            return name
    return ""


def _items(body: bytes) -> list[Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DraftError(None, "body", f"not JSON: {error}") from error
    items = value if isinstance(value, list) else [value]
    if not items:
        raise DraftError(None, "body", "an empty list")
    if len(items) > MAX_BATCH:
        raise DraftError(None, "body", f"{len(items)} events; at most {MAX_BATCH} at once")
    return items


def _draft(
    index: int,
    item: Any,
    now_ms: int,
    brokers: Mapping[str, BrokerOptions],
    topic: str,
    topic_of_type: Callable[[str], str],
) -> Draft:
    if not isinstance(item, dict):
        raise DraftError(index, "event", "not an object")
    cloud = "specversion" in item
    event_id, event_type, envelope = (_cloud if cloud else _native)(index, item, now_ms)
    place = _text(index, item, "topic") or topic or topic_of_type(event_type)
    if not place:
        raise DraftError(
            index, "topic", f"missing, and no event of type {event_type} was seen before"
        )
    broker = broker_of(place, brokers)
    if not broker:
        raise DraftError(index, "topic", f"{place} is none of the watched topics")
    key = _text(index, item, "key")
    return Draft(
        event_id=event_id,
        event_type=event_type,
        topic=place,
        broker=broker,
        body=_encode(index, envelope),
        headers=((b"key", key.encode()),) if key else (),
    )


def _native(index: int, item: dict[str, Any], now_ms: int) -> tuple[str, str, dict[str, Any]]:
    unknown = sorted(set(item) - _NATIVE)
    if unknown:
        raise DraftError(index, unknown[0], "not a field of an event; put it into the payload")
    event_type = _text(index, item, "eventType")
    if not event_type:
        raise DraftError(index, "eventType", "missing")
    event_id = _text(index, item, "eventId") or new_event_id()
    timestamp = _timestamp(index, item.get("timestamp"))
    metadata = item.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise DraftError(index, "metadata", "not an object")
    return (
        event_id,
        event_type,
        {
            "eventId": event_id,
            "eventType": event_type,
            "timestamp": timestamp or format_ms(now_ms),
            "payload": item.get("payload"),
            "metadata": {
                "source": "eventscope-api",
                "version": "1.0",
                "correlationId": event_id,
                **(metadata or {}),
            },
        },
    )


def _timestamp(index: int, value: object) -> str:
    """A time with its zone as it is told; one without (UTC) and an epoch as the envelope writes times."""
    if value in (None, ""):
        return ""
    if isinstance(value, str) and zoned_ms(value) is not None:
        return value
    millis = parse_ms(value)
    if millis is None:
        raise DraftError(
            index, "timestamp", "not a time such as 2026-11-24T10:00:00Z or ms since 1970"
        )
    return format_ms(millis)


def _cloud(index: int, item: dict[str, Any], now_ms: int) -> tuple[str, str, dict[str, Any]]:
    for name in ("id", "source", "type"):
        if not _text(index, item, name):
            raise DraftError(index, name, "missing; a CloudEvent needs it")
    envelope = {name: value for name, value in item.items() if name not in ("topic", "key")}
    if envelope.get("time") is None:
        envelope["time"] = format_ms(now_ms)
    return item["id"], item["type"], envelope


def _text(index: int, item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DraftError(index, name, "not a text")
    if len(value) > LONGEST:
        raise DraftError(index, name, f"longer than {LONGEST} characters")
    if "\x00" in value:
        raise DraftError(index, name, "holds a NUL character")
    return value


def _encode(index: int, envelope: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(envelope)
    except (ValueError, RecursionError, OverflowError) as error:
        raise DraftError(index, "payload", f"cannot be written as JSON: {error}") from error
