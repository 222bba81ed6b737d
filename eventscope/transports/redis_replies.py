"""What Redis answers, understood; and the commands that need no more than names. No I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from redis import exceptions

from eventscope.errors import BrokerUnavailable, TransportError
from eventscope.transports.base import Delivery, Member
from eventscope.transports.redis_fields import EVENT, FIELD_TOLD, body_of
from eventscope.transports.redis_scripts import WAITING

__all__ = [
    "Command",
    "Due",
    "Waits",
    "ack_commands",
    "delivery_of",
    "failures_key",
    "few_suspects",
    "raise_first",
    "refusal",
    "verdict",
    "wrapped",
]

_TEMPORARY = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.ClusterDownError,
    exceptions.TryAgainError,
    OSError,
)

Command = tuple[Any, ...]


class Due(NamedTuple):
    entry: bytes
    deliveries: int
    taken_over: bool


class Waits(NamedTuple):
    """Idle times in ms after which an entry is due: of one that waits, of a silent member's."""

    retry: int
    silence: int

    def of(self, owner: bytes) -> int:
        return self.retry if owner == WAITING else self.silence


def wrapped(error: Exception) -> TransportError:
    kind = BrokerUnavailable if isinstance(error, _TEMPORARY) else TransportError
    told = kind(f"{type(error).__name__}: {error}")
    told.__cause__ = error
    return told


def raise_first(replies: Iterable[Any]) -> None:
    """A group that is gone has nothing to settle; any other refusal is raised."""
    for reply in replies:
        if isinstance(reply, Exception) and "NOGROUP" not in str(reply):
            raise wrapped(reply)


def refusal(reply: Any) -> TransportError | None:
    """Raises `BrokerUnavailable` where asking again may help."""
    # A group that is gone has nothing to settle.
    if not isinstance(reply, Exception) or "NOGROUP" in str(reply):
        return None
    error = wrapped(reply)
    if isinstance(error, BrokerUnavailable):
        raise error
    return error


def verdict(reply: Any) -> bool | TransportError:
    return refusal(reply) or reply == 1


def ack_commands(member: Member, deliveries: Iterable[Delivery]) -> list[Command]:
    """One XACK a topic; the failures noted for retried entries go with it."""
    entries: dict[str, list[str]] = defaultdict(list)
    retried: dict[str, list[str]] = defaultdict(list)
    for delivery in deliveries:
        entries[delivery.topic].append(delivery.entry)
        if delivery.attempt > 1:
            retried[delivery.topic].append(delivery.entry)
    acks: list[Command] = [("XACK", topic, member.group, *ids) for topic, ids in entries.items()]
    forget = [("HDEL", failures_key(topic, member.group), *ids) for topic, ids in retried.items()]
    return acks + forget


def failures_key(topic: str, group: str) -> str:
    """The hash of when entries failed first, by entry id."""
    return f"eventscope:failures:{topic}:{group}"


def few_suspects(due: Sequence[Due], allowed: int) -> list[Due]:
    """All but the suspects (see `Delivery.suspect`), and ``allowed`` of those."""
    suspects = [item for item in due if item.taken_over and item.deliveries > 1]
    kept = set(suspects[: max(0, allowed)])
    return [item for item in due if item in kept or item not in suspects]


def delivery_of(
    topic: str, entry: bytes, fields: Sequence[bytes], attempt: int, taken_over: bool = False
) -> Delivery:
    if fields and fields[0] == EVENT:
        rest = tuple(zip(fields[2::2], fields[3::2], strict=True))
        return Delivery(topic, entry.decode(), fields[1], rest, attempt, taken_over)
    body, headers = body_of(fields)
    rest = tuple(header for header in headers if header[0] != FIELD_TOLD)
    return Delivery(topic, entry.decode(), body, rest, attempt, taken_over)
