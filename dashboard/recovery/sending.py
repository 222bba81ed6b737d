"""Puts events back on Redis: each append and the mark that it was done are one script.

Sending the same item again answers the position of the first time and appends nothing, so a job that
was killed between the append and its own note of it sends nothing twice. The mark stands in the slot
of the topic, for `MARK_DAYS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from eventscope.errors import EventscopeError
from ingest.lineage import Pairs

__all__ = ["MARK_DAYS", "BrokerAway", "Put", "RedisSender", "Sender", "Sent", "entry_fields"]

MARK_DAYS = 14
FIELD = b":field"
EVENT = b"event"
TIMEOUT_S = 10.0
PASSING = (
    redis.ConnectionError,
    redis.OutOfMemoryError,
    redis.ReadOnlyError,
    redis.exceptions.TryAgainError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.MasterDownError,
)
PASSING_CODES = ("MISCONF", "BUSY", "NOREPLICAS")
"""Refusals of the moment that redis-py has no class for."""

APPEND_ONCE = f"""
-- KEYS mark topic; ARGV fields. Answers the position and whether it stood there before, nil: no topic.
local before = redis.call('GET', KEYS[1])
if before then return {{before, 1}} end
local id = redis.call('XADD', KEYS[2], 'NOMKSTREAM', '*', unpack(ARGV))
if not id then return nil end
redis.call('SET', KEYS[1], id, 'PX', {MARK_DAYS * 86_400_000})
return {{id, 0}}
"""


class BrokerAway(EventscopeError):
    """The broker does not answer, or takes nothing just now; trying again may help."""


class Put(NamedTuple):
    """What to append where; ``name`` is unique to this redrive of this event. ``partition`` is the one
    where it had been, None if that is not known."""

    name: str
    topic: str
    body: bytes
    headers: Pairs
    partition: int | None = None


class Sent(NamedTuple):
    """``position`` is "" where nothing was appended: ``refused`` says why (a code of `REASONS`)."""

    position: str
    repeated: bool = False
    refused: str = ""


class Sender(Protocol):
    """What puts events back on one broker."""

    def send(self, puts: Sequence[Put]) -> list[Sent]: ...
    def close(self) -> None: ...


class RedisSender:
    """One connection to one broker; for one thread."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._client.register_script(APPEND_ONCE)

    def send(self, puts: Sequence[Put]) -> list[Sent]:
        """Append all in order, in one round trip. Raises `BrokerAway`; what was done is then marked."""
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for put in puts:
                    keys = [mark_of(put), put.topic]
                    fields = entry_fields(put.body, put.headers)
                    self._script(keys=keys, args=list(fields), client=pipeline)
                replies = pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            raise BrokerAway(str(error)) from error
        return [_sent(reply) for reply in replies]

    def close(self) -> None:
        self._client.close()


def mark_of(put: Put) -> str:
    """In the slot of the topic, which a topic with braces of its own chooses by them."""
    slot = put.topic if "{" in put.topic else f"{{{put.topic}}}"
    return f"eventscope:redriven:{slot}:{put.name}"


def entry_fields(body: bytes, headers: Pairs) -> tuple[bytes, ...]:
    """The fields of the entry that reads as ``body`` and ``headers``, as `ingest.sources` takes it apart."""
    place = next((value for name, value in headers if name == FIELD), EVENT)
    others = [part for name, value in headers if name[:1] != b":" for part in (name, value)]
    if place == b"*":
        return (*_flat(body), *others)
    return (place, body, *others) if place else tuple(others)


def _flat(body: bytes) -> list[bytes]:
    """An entry that had been flat: each member a field, strings as they are, all else as JSON."""
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields = []
    for name, raw in members.items():
        text = bytes(raw)
        value = msgspec.json.decode(text, type=str).encode() if text[:1] == b'"' else text
        fields += [name.encode(), value]
    return fields


def _sent(reply: Any) -> Sent:
    if reply is None:
        return Sent("", refused="vanished")
    if isinstance(reply, Exception):
        if isinstance(reply, PASSING) or str(reply).startswith(PASSING_CODES):
            raise BrokerAway(str(reply)) from reply
        return Sent("", refused="refused")
    position, before = reply
    return Sent(position.decode(), repeated=bool(before))
