"""Ids and times as they are written on the wire."""

from __future__ import annotations

import os
import re
import secrets
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

__all__ = [
    "Identity",
    "default_instance",
    "epoch_ms",
    "format_ms",
    "moment_ms",
    "new_event_id",
    "new_span_id",
    "now_ms",
    "parse_ms",
    "trace_id",
]

_RANDOM_BITS = 80
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1


class Identity(NamedTuple):
    """Who a service is on the wire: its name, this process of it, its version."""

    source: str
    instance: str
    version: str


class _IdSource:
    """128 bits: 48 of milliseconds, 80 of randomness that counts up within one millisecond.

    So ids of one process sort in the order in which they were made, and ids of two processes do
    not collide. The scheme is that of ULID (https://github.com/ulid/spec), written in hex.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0
        self._random = 0

    def next(self, now: int) -> int:
        with self._lock:
            if now > self._last_ms:
                self._last_ms = now
                self._random = secrets.randbits(_RANDOM_BITS - 1)
            else:
                self._random = (self._random + 1) & _RANDOM_MASK
            return (self._last_ms << _RANDOM_BITS) | self._random


_source = _IdSource()


def _forget_after_fork() -> None:
    """A forked child must not count on from its parent's randomness."""
    global _source
    _source = _IdSource()


os.register_at_fork(after_in_child=_forget_after_fork)


def new_event_id() -> str:
    """``evt_`` and 32 hex digits, unique; later ids of one process sort after earlier ones."""
    return f"evt_{_source.next(now_ms()):032x}"


def new_span_id() -> str:
    """16 hex digits, as the parent-id of a W3C ``traceparent``."""
    return secrets.token_hex(8)


def now_ms() -> int:
    """Milliseconds since 1970 UTC, by this machine's clock."""
    return time.time_ns() // 1_000_000


_second = (-1, "")


def format_ms(ms: int) -> str:
    """``1732442400123`` → ``2024-11-24T10:00:00.123Z``."""
    global _second
    second, rest = divmod(ms, 1000)
    cached = _second
    if cached[0] != second:
        cached = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        _second = cached
    return f"{cached[1]}.{rest:03d}Z"


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MILLISECOND = timedelta(milliseconds=1)


def parse_ms(text: str) -> int | None:
    """Milliseconds of an ISO-8601 time with a zone; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else (moment - _EPOCH) // _MILLISECOND


_SECONDS_BELOW, _MILLIS_BELOW, _MICROS_BELOW = 1e11, 1e14, 1e17


def epoch_ms(value: int | float) -> int | None:
    """An epoch in s, ms, µs or ns, told apart by its size, in ms; None for what cannot be one."""
    if not 0 <= value < 1e22:  # NaN fails this too
        return None
    if value < _SECONDS_BELOW:
        return int(value * 1000)
    if value < _MILLIS_BELOW:
        return int(value)
    if value < _MICROS_BELOW:
        return int(value // 1000)
    return int(value // 1_000_000)


def moment_ms(text: str) -> int | None:
    """Milliseconds of a time as others write it: ISO 8601 (no zone: UTC) or an epoch; else None."""
    try:
        moment = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        digits = text.isascii() and text.isdigit() and len(text) < 22
        return epoch_ms(int(text)) if digits else None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND


_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def trace_id(traceparent: str) -> str:
    """The trace id of a W3C ``traceparent``, "" if it is not one."""
    match = _TRACEPARENT.match(traceparent)
    return match.group(1) if match and match.group(1) != "0" * 32 else ""


def default_instance() -> str:
    """Who this process is among its peers: host, process id and four random digits."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
