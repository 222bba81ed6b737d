"""What the pipeline asks of any broker. Nothing behind this interface knows a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from eventscope.errors import EventscopeError
from ingest.records import Message, Position

__all__ = [
    "OWN_PREFIX",
    "BrokerError",
    "BrokerGone",
    "Checkpoint",
    "Found",
    "GroupSample",
    "Intake",
    "Loss",
    "Place",
    "Source",
    "StreamIntake",
]

OWN_PREFIX = "eventscope:"
"""Names that the kit and the monitor use for themselves; never watched, whatever the globs say."""


class BrokerError(EventscopeError):
    """The broker refused what was asked."""


class BrokerGone(BrokerError):
    """The broker cannot be reached, or the connection to it broke."""


class Place(NamedTuple):
    """One stream or partition within a broker."""

    topic: str
    partition: int


class Found(NamedTuple):
    """A place that exists on the broker, and whether what lies there are dead letters."""

    place: Place
    dead_letters: bool


class Checkpoint(NamedTuple):
    """Where reading goes on: after ``position``.

    ``ordinal`` is the number of messages ever added to the stream up to there, lost ones included;
    None when that is not known (first sight, or a broker that does not count). ``unread`` is how
    many messages waited behind it when last looked. ``identity`` tells this topic from another of the
    same name, "" where the broker has no such thing; all before ``observed_ms`` has been handed over.
    """

    position: Position
    ordinal: int | None = None
    unread: int = 0
    identity: str = ""
    observed_ms: int = 0


class Loss(NamedTuple):
    """Messages that the broker discarded after ``after``, appended between the two times."""

    after: Position
    from_ms: int
    until_ms: int
    lost: int


class StreamIntake(NamedTuple):
    """What one read gave of one place.

    ``observed_until_ms``: everything appended before this moment has been handed over.
    ``restart`` is set when the stream is known to have been deleted and made anew with smaller
    positions, so the checkpoint begins again from zero before the messages.
    """

    place: Place
    messages: list[Message]
    checkpoint: Checkpoint
    observed_until_ms: int
    lag: int
    first_ms: int
    losses: tuple[Loss, ...] = ()
    restart: bool = False


class Intake(NamedTuple):
    """One read over all places. ``full`` is True when more waits at the broker right now."""

    streams: list[StreamIntake]
    full: bool


class GroupSample(NamedTuple):
    """One consumer group of one place, as the broker tells."""

    place: Place
    name: str
    lag: int | None
    pending: int
    consumers: int
    delivered_ms: int | None = None
    """When the last that was delivered was appended, where the broker tells."""
    members: frozenset[str] = frozenset()
    """The names of its ``consumers``: one that reads several places is the same in each."""


class Source(Protocol):
    """A connection to one broker. Not for use from two threads at once.

    Every call raises `BrokerGone` when the connection fails; the next call connects anew.
    """

    def discover(self) -> list[Found]:
        """Every watched place that exists now."""
        ...

    def assign(self, checkpoints: Mapping[Place, Checkpoint]) -> None:
        """Read these places, each from its checkpoint on, and no others."""
        ...

    def wait(self, seconds: float) -> bool:
        """Until something unread is there (True) or the time is over (False)."""
        ...

    def read(self, max_events: int, max_bytes: int) -> Intake:
        """What is there now, without waiting; advances the positions that ``wait`` looks from."""
        ...

    def note_stored(self, positions: Mapping[Place, Position]) -> None:
        """All up to these positions is in the database: the broker may tell others so. Never raises."""
        ...

    def sample_groups(self, places: Sequence[Place]) -> list[GroupSample]:
        """The consumer groups of ``places`` with their backlog."""
        ...

    def close(self) -> None: ...
