"""How many messages of a Redis stream vanished before they were read: pure arithmetic.

Redis counts every entry ever added to a stream (``entries-added``) and tells how many there are
now (``length``). We keep how many had been added up to our checkpoint (its *ordinal*). Looked at in
one MULTI together with the read, whatever of ``entries-added - ordinal`` is neither still in the
stream nor just read was discarded: exactly, be it by trimming or by XDEL. How many of those present
lie after the checkpoint is known in two cases: when the first entry lies after it (then all do), and
when the read reached the end (then those just read do). In between, trimming cannot have passed the
checkpoint, and what XDEL took from ahead of us is counted when we reach the end.

Redis itself estimates consumer-group lag in this way (t_stream.c, streamEstimateDistanceFromFirstEverEntry).
"""

from __future__ import annotations

from typing import NamedTuple

from ingest.records import Position

__all__ = ["ZERO", "StreamInfo", "Verdict", "account"]

ZERO = Position(0, 0)


class StreamInfo(NamedTuple):
    """The part of XINFO STREAM that counts; ``added`` is None before Redis 7."""

    length: int
    added: int | None
    last_generated: Position
    first: Position | None


class Verdict(NamedTuple):
    """``lost`` were discarded before the read; ``ordinal`` is that of the last message read.

    ``settled`` says that the account is exact up to here; ``restart``, that the stream begins again
    at positions below the checkpoint (what was just read, if anything, does not count).
    """

    lost: int
    ordinal: int | None
    settled: bool
    restart: bool = False


def account(
    info: StreamInfo,
    *,
    position: Position,
    ordinal: int | None,
    read: int,
    at_end: bool,
    unread: int,
) -> Verdict:
    """What one atomic look (``info``, and ``read`` messages after ``position``) says.

    ``ordinal`` 0 beside a position means that the stream was seen to be gone. ``unread`` is how many
    waited when last looked, which is all that can be known of a stream that was deleted since.
    """
    if info.added is None:
        return Verdict(0, None, settled=True)
    gone_before = ordinal == 0 and position > ZERO
    if gone_before and _below(info, position):
        return Verdict(0, 0, settled=True, restart=True)
    remaining = _remaining(info, position, read, at_end)
    if ordinal is None:
        return _first_look(info, position, read, remaining)
    if info.added < ordinal or info.last_generated < position:
        return _made_anew(info.added, read, remaining, unread)
    if remaining is None:
        return Verdict(0, ordinal + read, settled=False)
    lost = info.added - ordinal - remaining
    if lost < 0:
        return _made_anew(info.added, read, remaining, unread)
    return Verdict(lost, ordinal + lost + read, settled=True)


def _remaining(info: StreamInfo, position: Position, read: int, at_end: bool) -> int | None:
    """Messages present after ``position``, None where it cannot be told."""
    if info.first is None or info.first > position:
        return info.length
    return read if at_end else None


def _first_look(info: StreamInfo, position: Position, read: int, remaining: int | None) -> Verdict:
    """What was discarded before we ever looked is not ours to count."""
    assert info.added is not None
    if remaining is None:
        return Verdict(0, None, settled=False)
    return Verdict(0, info.added - remaining + read, settled=True)


def _made_anew(added: int, read: int, remaining: int | None, unread: int) -> Verdict:
    """Deleted and made again, or set back by a fail-over: what was known to wait is lost.

    Of the new stream everything that is not there any more is lost too, if all of it lies ahead.
    """
    if remaining is None:
        return Verdict(unread, None, settled=False)
    return Verdict(unread, added - remaining + read, settled=True)


def _below(info: StreamInfo, position: Position) -> bool:
    """Whether the stream has entries that reading on from ``position`` would never give."""
    return info.first is not None and info.first <= position
