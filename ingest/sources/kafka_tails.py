"""How far each Kafka partition has been read, and what its broker says of the way there: pure.

A position is (*incarnation*, offset). The incarnation is 1 for the log we met first and grows when
the topic was deleted and made anew, or when its log lost its end: offsets begin again then, and what
is stored keeps its order and its uniqueness.
"""

from __future__ import annotations

from typing import NamedTuple

from ingest.records import Message, Position
from ingest.sources.base import Checkpoint, Loss, Place, StreamIntake

__all__ = ["Mark", "Tail", "Verdict", "begin_anew", "intake_of", "judge_offset", "made_anew"]

FIRST = 1
_GONE_AFTER_MS = 30_000


_EPOCH = "@"


class Mark(NamedTuple):
    """Where a tail stood."""

    incarnation: int
    next: int | None
    position: Position
    topic_id: str
    epoch: int | None


class Tail:
    """How far one partition has been read; ``next`` is the offset to read next, None: from the first."""

    def __init__(self, place: Place, checkpoint: Checkpoint) -> None:
        self.place = place
        self.incarnation = checkpoint.position.major or FIRST
        self.next = checkpoint.position.minor + 1 if checkpoint.position.major else None
        self.position = checkpoint.position
        self.topic_id, self.epoch = _parted(checkpoint.identity)
        self.observed_ms = checkpoint.observed_ms
        self.unread = checkpoint.unread
        self.end: int | None = None
        self.missing_since_ms: int | None = None
        self.losses: list[Loss] = []

    @property
    def identity(self) -> str:
        """What tells this log from another: id of the topic and leader epoch of what was read last."""
        return f"{self.topic_id}{_EPOCH}{self.epoch}" if self.epoch is not None else self.topic_id

    @property
    def lag(self) -> int:
        if self.end is None:
            return self.unread
        return max(0, self.end - (self.next or 0))

    def passed(self, offset: int) -> None:
        """All below ``offset`` is read, or was a marker of a transaction."""
        if self.next is None or offset > self.next:
            self.go_on_from(offset)

    def mark(self) -> Mark:
        return Mark(self.incarnation, self.next, self.position, self.topic_id, self.epoch)

    def back_to(self, mark: Mark) -> None:
        """As if what was read since had not been."""
        self.incarnation, self.next, self.position, self.topic_id, self.epoch = mark

    def miss(self, now_ms: int) -> None:
        """The topic is not there. A broker that starts may say so too, so what waited in it is taken
        for lost only when it stays away."""
        if self.missing_since_ms is None:
            self.missing_since_ms = now_ms
        if self.unread and now_ms - self.missing_since_ms > _GONE_AFTER_MS:
            self.losses.append(_loss(self, self.unread, now_ms))
            self.unread, self.end = 0, None

    def go_on_from(self, offset: int) -> None:
        self.next = offset
        self.position = Position(self.incarnation, offset - 1)


class Verdict(NamedTuple):
    """Where to go on, and what the broker had discarded before."""

    next: int
    lost: int
    rewritten: bool


def judge_offset(
    next: int | None, *, beginning: int, end: int, parted: int | None = None
) -> Verdict:
    """The broker has nothing at ``next``: retention went past it, or the log lost its end.

    ``parted`` is where the log that was read and the one that is there now part, if the broker told.
    """
    if parted is not None:
        return Verdict(max(parted, beginning), max(0, beginning - parted), rewritten=True)
    if next is None:
        return Verdict(beginning, 0, rewritten=False)
    if next < beginning:
        return Verdict(beginning, beginning - next, rewritten=False)
    if next > end:
        return Verdict(end, 0, rewritten=True)
    return Verdict(next, 0, rewritten=False)


def begin_anew(tail: Tail, verdict: Verdict, now_ms: int) -> None:
    """Move ``tail`` to where ``verdict`` says; what is missing is told with the next intake."""
    if verdict.lost:
        tail.losses.append(_loss(tail, verdict.lost, now_ms))
    if verdict.rewritten:
        tail.incarnation += 1
    tail.epoch = None
    tail.go_on_from(verdict.next)


def made_anew(tail: Tail, topic_id: str, now_ms: int) -> None:
    """Another topic has the name now; what waited in the old one is lost."""
    if tail.unread:
        tail.losses.append(_loss(tail, tail.unread, now_ms))
    tail.topic_id, tail.epoch = topic_id, None
    tail.incarnation += 1
    tail.go_on_from(0)
    tail.missing_since_ms, tail.unread, tail.end = None, 0, None


def _parted(identity: str) -> tuple[str, int | None]:
    topic_id, _, epoch = identity.partition(_EPOCH)
    return topic_id, int(epoch) if epoch else None


def _loss(tail: Tail, lost: int, now_ms: int) -> Loss:
    return Loss(tail.position, min(tail.observed_ms or now_ms, now_ms), now_ms, lost)


def intake_of(tail: Tail, messages: list[Message], looked_ms: int | None) -> StreamIntake:
    """Hand over ``messages``. ``looked_ms`` is when ``tail.end`` was asked for, None: not just now.

    Messages bear the time of their producer's clock, unless the topic says otherwise; of one that is
    ahead no later moment than this is taken for seen.
    """
    at_end = tail.missing_since_ms is None and tail.end is not None and tail.lag == 0
    if at_end and looked_ms is not None:
        tail.observed_ms = max(tail.observed_ms, looked_ms)
    elif messages:
        newest_ms = messages[-1].appended_ms
        tail.observed_ms = max(
            tail.observed_ms, newest_ms if looked_ms is None else min(newest_ms, looked_ms)
        )
    tail.unread = tail.lag
    losses, tail.losses = tuple(tail.losses), []
    return StreamIntake(
        tail.place,
        messages,
        Checkpoint(tail.position, None, tail.unread, tail.identity, tail.observed_ms),
        tail.observed_ms,
        tail.unread,
        messages[0].appended_ms if messages else (looked_ms or tail.observed_ms),
        losses,
    )
