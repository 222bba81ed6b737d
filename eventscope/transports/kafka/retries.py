"""The copy of an entry that waits for its next attempt, on the retry topic of its group. No I/O."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from eventscope.errors import TransportError
from eventscope.transports.base import Delivery, Outgoing
from eventscope.transports.kafka.names import RETRY_TOPICS

__all__ = ["Origin", "origin_of", "retry_copy", "retry_topic"]

_HEADER = b"eventscope-retry"
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,200}")

Headers = tuple[tuple[bytes, bytes], ...]


class Origin(NamedTuple):
    """Where a copy comes from, which attempt it is for, and when (ms) handling failed."""

    topic: str
    entry: str
    attempt: int
    first_failed_ms: int
    failed_ms: int


def retry_topic(group: str) -> str:
    """Raises `TransportError` for a group whose name no topic can have."""
    if not _NAME.fullmatch(group):
        raise TransportError(
            f"{group!r} cannot be a group on Kafka: its retry topic is named after it, and a topic's "
            "name has letters, digits, '.', '_' and '-' only"
        )
    return RETRY_TOPICS + group


def retry_copy(group: str, delivery: Delivery, first_failed_ms: int, failed_ms: int) -> Outgoing:
    """Body, key and headers as they are, and a header that says where they come from."""
    origin = Origin(
        delivery.topic, delivery.entry, delivery.attempt + 1, first_failed_ms, failed_ms
    )
    headers = (*delivery.headers, (_HEADER, msgspec.json.encode(origin)))
    return Outgoing(retry_topic(group), delivery.body or b"", headers)


def origin_of(headers: Headers) -> tuple[Origin | None, Headers]:
    """The origin, and the headers without it; None for what is no copy of ours."""
    text = next((value for name, value in headers if name == _HEADER), None)
    if text is None:
        return None, headers
    try:
        origin = msgspec.json.decode(text, type=Origin)
    except msgspec.MsgspecError:
        return None, headers
    return origin, tuple(header for header in headers if header[0] != _HEADER)
