"""Whether a stored event really is what an index says: the body is the witness."""

from __future__ import annotations

from collections.abc import Callable

from ingest.records import Flag, Record
from ingest.store.base import StoredEvent
from ingest.store.keys import record_keys

__all__ = ["UNTELLING", "Decoder", "carries", "true_names"]

Decoder = Callable[[StoredEvent], Record | None]
"""Decodes a stored event again into its ids; None when its body cannot be decoded."""

UNTELLING = Flag.TRUNCATED | Flag.REDACTED | Flag.ENCRYPTED
"""A body that was cut, redacted or encrypted cannot tell all its keys any more."""


def carries(event: StoredEvent, value: str, decode: Decoder) -> bool:
    """Whether ``event`` has ``value`` as a key.

    Looking for the bytes settles nearly all; only escapes and made-up ids need decoding. A body that
    was cut, redacted or encrypted can no longer tell: then the 48 bits of the hash are believed.
    """
    octets = value.encode("utf-8", "surrogatepass")
    if octets in event.body or octets in event.headers:
        return True
    if event.flags & UNTELLING:
        return True
    record = decode(event)
    return record is not None and value in record_keys(record)


def true_names(event: StoredEvent, decode: Decoder) -> StoredEvent:
    """``event`` of an overflow series with the type and source that its body tells."""
    record = decode(event)
    if record is not None:
        event.event_type, event.source = record.event_type, record.source
    return event
