"""A dead letter as one line of JSON, to be taken to another Eventscope and put back there. Pure.

The original travels byte for byte, in base64. What was cut short, redacted or encrypted in parts cannot be had
as it was: such a line has no event and says why.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec

from dashboard.recovery.selection import SelectionError

__all__ = ["FORMAT", "Line", "LineError", "Origin", "place_in", "read_line", "write_line"]

FORMAT = "eventscope-dead-letter/1"
Moment = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
Name = Annotated[str, msgspec.Meta(max_length=255)]
Short = Annotated[str, msgspec.Meta(max_length=200)]


class LineError(SelectionError):
    """One line of a file cannot be read; ``number`` counts from 1."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number}", reason)
        self.number = number


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Where the letter stood first: which Eventscope, broker and dead-letter topic, at which position."""

    host: Name
    broker: Name
    topic: Name
    position: Annotated[str, msgspec.Meta(max_length=64)]


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: Short = ""
    message: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    stack: Annotated[str, msgspec.Meta(max_length=16_000)] = ""


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Times are ms since 1970 UTC. ``event`` is None where ``withheld`` says why."""

    format: str
    origin: Origin
    event: bytes | None
    event_id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    event_type: Short = ""
    source: Short = ""
    correlation_id: Name = ""
    topic: Name = ""
    partition: Count = 0
    offset: Annotated[str, msgspec.Meta(max_length=64)] = ""
    consumer: Short = ""
    consumer_group: Short = ""
    error: Failure = Failure()
    attempts: Count = 0
    redrives: Annotated[int, msgspec.Meta(ge=0, lt=1_000_000)] = 0
    size: Moment = 0
    received_ms: Moment
    first_failed_ms: Moment | None = None
    last_failed_ms: Moment | None = None
    headers: list[tuple[bytes, bytes]] = []
    withheld: Short = ""


_decoder = msgspec.json.Decoder(Line)


def write_line(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def read_line(number: int, raw: bytes) -> Line:
    """Raises `LineError` with what is wrong in which field."""
    try:
        line = _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise LineError(number, str(error) or "it cannot be read") from error
    if line.format != FORMAT:
        raise LineError(number, f"format is {line.format[:60]!r}, expected {FORMAT!r}")
    if (line.event is None) != bool(line.withheld):
        raise LineError(number, "either event or withheld is to be told")
    if b"\\u0000" in raw:
        raise LineError(number, "there is a NUL in a text")
    return line


def place_in(origin: Origin) -> int:
    """A number below 2**63 that is always the same for one letter: it is not imported twice."""
    told = msgspec.json.encode(origin)
    return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "big") >> 1
