"""How far each Redis stream has been read, and what one look at it means."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import hiredis

from ingest.records import Message
from ingest.sources.accounting import ZERO, StreamInfo, Verdict, account
from ingest.sources.base import (
    BrokerError,
    BrokerGone,
    Checkpoint,
    Loss,
    Place,
    StreamIntake,
)
from ingest.sources.redis_entries import messages_of, parse_id

__all__ = ["MOST_MESSAGES", "Tail", "entries_of", "pairs", "refused", "taken"]

MOST_MESSAGES = 60_000
_FIRST_COUNT = 64
_FIRST_AVERAGE = 1024
_HEAVY = 64 * 1024
_HEAVY_EVERY = 5.0


class Tail:
    """How far one stream has been read."""

    def __init__(self, place: Place, checkpoint: Checkpoint) -> None:
        self.place = place
        self.position = checkpoint.position
        self.ordinal = checkpoint.ordinal
        self.settled = checkpoint.position
        self.observed_ms = 0
        self.unread = checkpoint.unread
        self.heavy = False
        self.looked_at = float("-inf")
        self.count = _FIRST_COUNT
        self.average = float(_FIRST_AVERAGE)
        self.active = False
        self.full = False

    def wants_info(self, now: float) -> bool:
        """XINFO brings the first and last entry along, so large ones are asked for seldom."""
        return not self.heavy or now - self.looked_at >= _HEAVY_EVERY

    def learn(self, messages: list[Message], count: int) -> None:
        """How many to ask for next: more after every full read, fewer the larger they are."""
        self.active = bool(messages)
        self.full = len(messages) >= count
        if messages:
            size = sum([len(message.value) for message in messages]) / len(messages) + 64
            self.average = max(size, 0.5 * (self.average + size))
        if self.full and count >= self.count:
            self.count = min(self.count * 4, MOST_MESSAGES)


def entries_of(reply: Any) -> list[Any]:
    """The entries of one stream's XREAD; a key that is no stream (any more) has none."""
    if isinstance(reply, hiredis.ReplyError):
        if not _is_wrong_type(reply):
            raise refused(str(reply))
        return []
    return reply[0][1] if reply else []


def taken(tail: Tail, info: Any, entries: list[Any], count: int, now_ms: int) -> StreamIntake:
    """Move ``tail`` past ``entries`` and settle the account as far as ``info`` allows."""
    messages = messages_of(entries)
    at_end = len(messages) < count
    tail.learn(messages, count)
    known = _stream_info(tail, info)
    verdict = _verdict(tail, info, known, messages, at_end)
    losses = _losses(tail, known, verdict.lost, now_ms)
    if verdict.restart:
        messages, at_end = [], False
        tail.position = ZERO
    elif messages:
        tail.position = messages[-1].position
    tail.ordinal = verdict.ordinal
    tail.observed_ms = now_ms if at_end else (messages[-1].appended_ms if messages else 0)
    if verdict.settled:
        tail.settled = tail.position
    if known is not None:
        tail.unread = _unread(known, verdict.ordinal, at_end)
    elif at_end:
        tail.unread = 0
    return StreamIntake(
        tail.place,
        messages,
        Checkpoint(tail.position, tail.ordinal, tail.unread),
        tail.observed_ms,
        tail.unread,
        messages[0].appended_ms if messages else now_ms,
        losses,
        verdict.restart,
    )


def _stream_info(tail: Tail, info: Any) -> StreamInfo | None:
    if not isinstance(info, list):
        return None
    fields = pairs(info)
    first, last = fields.get(b"first-entry"), fields.get(b"last-entry")
    tail.looked_at = time.monotonic()
    tail.heavy = _size(first) + _size(last) > _HEAVY
    return StreamInfo(
        length=fields[b"length"],
        added=fields.get(b"entries-added"),
        last_generated=parse_id(fields[b"last-generated-id"]),
        first=parse_id(first[0]) if first else None,
    )


def _is_wrong_type(info: Any) -> bool:
    return isinstance(info, hiredis.ReplyError) and str(info).startswith("WRONGTYPE")


def _verdict(
    tail: Tail, info: Any, known: StreamInfo | None, messages: list[Message], at_end: bool
) -> Verdict:
    if known is not None:
        return account(
            known,
            position=tail.position,
            ordinal=tail.ordinal,
            read=len(messages),
            at_end=at_end,
            unread=tail.unread,
        )
    if isinstance(info, hiredis.ReplyError):
        return Verdict(tail.unread, 0, settled=True)  # the stream is gone, with what waited in it
    ordinal = None if tail.ordinal is None else tail.ordinal + len(messages)
    return Verdict(0, ordinal, settled=False)


def _losses(tail: Tail, known: StreamInfo | None, lost: int, now_ms: int) -> tuple[Loss, ...]:
    if not lost:
        return ()
    trimmed = known is not None and known.first is not None and known.first > tail.position
    until = known.first.major if trimmed and known and known.first else now_ms
    since = max(tail.settled.major, min(tail.observed_ms, until))
    return (Loss(tail.settled, since, max(until, since), lost),)


def _unread(known: StreamInfo, ordinal: int | None, at_end: bool) -> int:
    if at_end:
        return 0
    if known.added is None or ordinal is None:
        return known.length
    return max(0, known.added - ordinal)


def _size(entry: Any) -> int:
    return sum(len(field) for field in entry[1]) if entry else 0


def pairs(flat: Sequence[Any]) -> dict[bytes, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def refused(text: str) -> BrokerError:
    """A broker that loads, fails over or is out of memory may recover: as if it were gone."""
    passing = text.startswith(
        ("LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "OOM", "EXECABORT")
    )
    return BrokerGone(text) if passing else BrokerError(text)
