"""The hot path: well-formed native envelopes, a chunk of messages at a time.

What is done for each of them is done in C, or in one comprehension that looks at attributes only.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec

from ingest.envelopes import native
from ingest.envelopes.paths import KeyReader
from ingest.envelopes.text import trace_id
from ingest.records import Flag, Message, Record
from ingest.time_columns import UNKNOWN_MS, parse_times
from ingest.timestamps import parse_ms

__all__ = ["ODD", "PlainReader", "packed_headers"]

ODD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading a body that is not an envelope raises."""

_HEADERS = itemgetter(4)
_BODY = itemgetter(3)
_NUL = b"\\u0000"
_ESCAPE = b"\\"
"""Of one byte: found, or not, far sooner than one of six."""
_MANY = 32
"""From here on a column of times is quicker than one time after the other."""


class PlainReader:
    """Reads bodies of at most ``limit`` bytes that are what the guide's envelope should be."""

    def __init__(self, keys: KeyReader, *, limit: int) -> None:
        self._keys = keys
        self._limit = limit
        self._strict = native.strict(keys.payload, keys.metadata)

    def may_read(self, messages: Sequence[Message]) -> bool:
        """Whether all ``messages`` are small, without headers, and hold no NUL (which is taken out)."""
        bodies = list(map(_BODY, messages))
        if any(map(_HEADERS, messages)) or max(map(len, bodies), default=0) > self._limit:
            return False
        together = b"".join(bodies)
        return _ESCAPE not in together or _NUL not in together

    def read(self, messages: Sequence[Message]) -> list[Record | None]:
        """A record of each message, None where the envelope is not well formed."""
        envelopes = self._envelopes(messages)
        good = [envelope for envelope in envelopes if envelope is not None]
        if len(good) == len(envelopes):
            return [*self._records(messages, good)]
        plain = [one for one, read in zip(messages, envelopes, strict=True) if read is not None]
        records = iter(self._records(plain, good))
        return [None if envelope is None else next(records) for envelope in envelopes]

    def _envelopes(self, messages: Sequence[Message]) -> list[Any]:
        made: list[Any] = []
        reading = map(self._strict.decode, map(_BODY, messages))
        while True:
            try:
                made.extend(reading)  # what was read before one that is refused stays
            except ODD:
                made.append(None)
            else:
                return made

    def _records(self, messages: Sequence[Message], envelopes: list[Any]) -> list[Record]:
        metadata = [envelope.metadata for envelope in envelopes]
        written = [envelope.timestamp for envelope in envelopes]
        traces = [trace_id(one.traceparent) if one.traceparent else "" for one in metadata]
        columns = zip(
            messages,
            envelopes,
            metadata,
            written,
            _times(written),
            traces,
            self._keys.read_all(envelopes),
            strict=True,
        )
        return [
            Record(
                message[0],
                message[1],
                envelope.event_id,
                envelope.event_type,
                meta.source,
                message[3],
                len(message[3]),
                occurred,
                meta.correlation_id or meta.conversation_id or trace or envelope.event_id,
                meta.causation_id or "",
                trace,
                packed_headers(message) if message[4] or message[2] else b"",
                keys,
                0 if occurred is not None or stamp is None else Flag.TIME_GUESSED,
            )
            for message, envelope, meta, stamp, occurred, trace, keys in columns
        ]


def packed_headers(message: Message) -> bytes:
    """Headers as `Record.headers` keeps them."""
    pairs = list(message.headers)
    if message.key:
        pairs.append((b":key", message.key))
    return msgspec.msgpack.encode(pairs)


def _times(written: list[Any]) -> list[int | None]:
    """`parse_ms` of each."""
    if len(written) < _MANY:
        return [parse_ms(value) for value in written]
    times: list[int | None] = parse_times(written).tolist()
    if UNKNOWN_MS in times:
        return [None if time == UNKNOWN_MS else time for time in times]
    return times
