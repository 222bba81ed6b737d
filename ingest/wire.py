"""What stands beside a value in Confluent's wire format, in pseudo-headers as the broker's key does.

A value that a schema made readable travels on as JSON, with the bytes that arrived beside it; one that
no schema made readable as it came, with the reason (`ingest.registry`).
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["OUR_NAMES", "SCHEMA", "UNDECODED", "WIRE", "why_undecoded", "wire_of", "without_wire"]

SCHEMA = b":schema"
"""Kind and number of the schema, as in ``avro 42``."""
WIRE = b":wire"
"""The value byte for byte as it arrived."""
UNDECODED = b":undecoded"
"""Why the value could not be read."""

_OURS = frozenset((SCHEMA, WIRE, UNDECODED))
OUR_NAMES = frozenset(name.decode() for name in _OURS)
"""Headers that a producer cannot set."""

Pairs = Iterable[tuple[bytes, bytes]]


def wire_of(headers: Pairs) -> bytes | None:
    """The value as it arrived, where what is stored was read by a schema; b"" if it was not kept."""
    told = dict(headers)
    if SCHEMA not in told or UNDECODED in told:
        return None
    return told.get(WIRE, b"")


def why_undecoded(headers: Pairs) -> str:
    """The reason in words, "" if the value was read or needs no schema."""
    return next((value for name, value in headers if name == UNDECODED), b"").decode(
        "utf-8", "replace"
    )


def without_wire(headers: Pairs) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(pair for pair in headers if pair[0] not in _OURS)
