"""What the bus asks of a broker: an append-only topic with consumer groups and pending entries.

A *member* is one consumer of one group over some topics. An entry handed to a member stays pending
until it is settled. Pending entries are in one of two states:

* *in hand*: the member works on it and says so by `Transport.hold`; when nothing was heard for
  ``claim_after`` the member is taken for dead and another one claims the entry;
* *waiting*: handling failed; it is claimed by any member once ``retry_after`` has passed.

Every settlement is conditional on the member still having the entry in hand, so a member that was
taken for dead wrongly cannot undo what its heir does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from eventscope.errors import BrokerUnavailable, TransportError

__all__ = [
    "Ack",
    "DeadLetter",
    "Delivery",
    "GroupMoves",
    "Member",
    "Outgoing",
    "Release",
    "Retry",
    "Settlement",
    "Transport",
]


class GroupMoves(BrokerUnavailable):
    """The group shares its topics out anew: the broker is well, and is asked again in a moment."""


class Outgoing(NamedTuple):
    """A message to append; headers become the entry's other fields."""

    topic: str
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Member(NamedTuple):
    """One consumer of a group, named uniquely among its peers."""

    group: str
    name: str
    topics: tuple[str, ...]


class Delivery(NamedTuple):
    """An entry handed to a member; ``attempt`` counts deliveries to the group from 1.

    ``body`` is None when the entry carries no event at all. ``taken_over`` says that a member which
    fell silent had it in hand before.
    """

    topic: str
    entry: str
    body: bytes | None
    headers: tuple[tuple[bytes, bytes], ...]
    attempt: int
    taken_over: bool = False

    @property
    def suspect(self) -> bool:
        """Members fell silent over it twice, or it was beside what they fell silent over."""
        return self.taken_over and self.attempt > 2


class Ack(NamedTuple):
    """Handled: never deliver it to this group again."""

    delivery: Delivery


class Retry(NamedTuple):
    """Failed at ``failed_ms``: let it wait for ``retry_after``."""

    delivery: Delivery
    failed_ms: int


class Release(NamedTuple):
    """Not begun: let anybody have it at once, this delivery not counted."""

    delivery: Delivery


class DeadLetter(NamedTuple):
    """Append ``letter`` and acknowledge the entry, both or neither."""

    delivery: Delivery
    letter: Outgoing


Settlement = Ack | Retry | Release | DeadLetter


class Transport(Protocol):
    """Every method raises `BrokerUnavailable` when it may help to try again, else `TransportError`."""

    in_hand: int
    """How many entries a member takes for each handler that may run, before it settled the first of them.

    What a settlement costs is shared by those that are settled together; what a member has in hand when it
    dies is tried again one by one.
    """

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def ping(self) -> None: ...

    async def append(self, messages: Sequence[Outgoing]) -> list[str | TransportError]:
        """Append in order; for each message its entry id, or why the broker refused it."""
        ...

    async def join(self, member: Member, *, from_start: bool) -> None:
        """Make topics and group where missing; a new group begins at the first entry or the end."""
        ...

    async def read(self, member: Member, *, count: int, wait: float) -> list[Delivery]:
        """Up to ``count`` entries a topic that no member has seen; waits ``wait`` seconds at most."""
        ...

    async def claim(
        self,
        member: Member,
        *,
        retry_after: float,
        claim_after: float,
        count: int,
        suspects: int = 1,
    ) -> list[Delivery]:
        """Entries whose wait is over, and entries of members that are silent for ``claim_after``.

        Of the latter at most ``suspects`` that are `Delivery.suspect`: taken one at a time, the one
        that ends its consumers is found, and its neighbours are not counted out with it.
        """
        ...

    async def hold(self, member: Member, deliveries: Sequence[Delivery]) -> None:
        """Say that these are still being worked on."""
        ...

    async def settle(
        self, member: Member, settlements: Sequence[Settlement]
    ) -> list[bool | TransportError]:
        """Settle in order; for each False where the entry was not the member's any more, or why the
        broker refused it. Settling again is harmless.
        """
        ...

    async def first_failed_ms(self, member: Member, delivery: Delivery) -> int | None:
        """When handling of this entry by the group failed first, as `Retry` noted."""
        ...

    async def leave(self, member: Member) -> None:
        """Forget the member, unless entries are pending under its name."""
        ...
