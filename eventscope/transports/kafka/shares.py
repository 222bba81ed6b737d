"""The partitions that a member has, what was fetched of them, and what it has in hand. No I/O."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import TopicPartition

from eventscope.transports.base import Delivery
from eventscope.transports.kafka.fetched import Fetched, Place
from eventscope.transports.kafka.ledger import Ledger, Note

__all__ = ["Holding", "Share", "Shares", "Waiting"]

_AHEAD = 500
_AHEAD_BYTES = 4_000_000


class Waiting(NamedTuple):
    """``taken_over``: somebody fell silent over it."""

    fetched: Fetched
    taken_over: bool


@dataclass
class Share:
    """One partition: entries nobody had yet, in order; and entries to hand out again."""

    ledger: Ledger
    fresh: deque[Fetched] = field(default_factory=deque)
    again: list[Waiting] = field(default_factory=list)
    ahead_bytes: int = 0
    end: int = 0
    paused: bool = False
    leaving: bool = False

    def meet(self, one: Fetched) -> None:
        count = self.ledger.meet(one.offset)
        if count is None:
            return
        if self.ledger.is_new(one.offset):
            self.fresh.append(one)
            self.ahead_bytes += len(one.body or b"")
        else:
            self.again.append(Waiting(one, count > 0))

    def next(self) -> Fetched:
        one = self.fresh.popleft()
        self.ahead_bytes -= len(one.body or b"")
        return one

    def pass_to_end(self) -> bool:
        """Past what stands behind the last entry: marks of transactions, which are no entries."""
        return not self.fresh and not self.again and self.ledger.pass_to(self.end)

    @property
    def should_pause(self) -> bool:
        """Paused when full, until it is half empty."""
        part = 2 if self.paused else 1
        many = len(self.fresh) * part >= _AHEAD
        return many or self.ahead_bytes * part >= _AHEAD_BYTES


@dataclass
class Holding:
    """An entry in hand; ``heard``: when (monotonic, s) its worker last said so."""

    fetched: Fetched
    delivery: Delivery
    heard: float


class Shares:
    """All of a member, used by its poller's thread and by the event loop; every method is atomic.

    ``sending`` says that a transaction is open.
    """

    def __init__(self, retry_topic: str) -> None:
        self._retry_topic = retry_topic
        self._lock = threading.RLock()
        self._shares: dict[Place, Share] = {}
        self._holdings: dict[tuple[str, str], Holding] = {}
        self._unsaved: set[Place] = set()
        self.sending = False

    # -- coming and going

    def add(self, place: Place, note: Note) -> None:
        with self._lock:
            self._shares[place] = Share(Ledger(note))

    def meet(self, one: Fetched) -> None:
        with self._lock:
            share = self._shares.get(one.place)
            if share is not None and not share.leaving:
                share.meet(one)

    def meet_end(self, place: Place, offset: int) -> None:
        """All below ``offset`` was met, and nothing is there yet."""
        with self._lock:
            if (share := self._shares.get(place)) is not None:
                share.end = offset
                if share.pass_to_end():
                    self._unsaved.add(place)

    def leave(self, places: Iterable[Place]) -> None:
        """Hand out no more of these."""
        with self._lock:
            for place in places:
                if (share := self._shares.get(place)) is not None:
                    share.leaving = True
                    share.fresh.clear()
                    share.again.clear()

    def drop(self, places: Iterable[Place]) -> None:
        with self._lock:
            for place in places:
                self._shares.pop(place, None)
                self._unsaved.discard(place)
            self._holdings = {
                name: one
                for name, one in self._holdings.items()
                if one.fetched.place in self._shares
            }

    def clear(self) -> None:
        with self._lock:
            self.drop(list(self._shares))

    # -- how things stand

    def is_idle(self) -> bool:
        """Nothing will be asked of the consumer for the time being."""
        with self._lock:
            waits = any(
                share.fresh
                for place, share in self._shares.items()
                if place.topic != self._retry_topic
            )
            return not (waits or self._holdings or self._unsaved)

    def busy(self, places: Sequence[Place]) -> bool:
        """Something of these is in hand."""
        with self._lock:
            return any(one.fetched.place in places for one in self._holdings.values())

    def to_pause_and_resume(self) -> tuple[list[TopicPartition], list[TopicPartition]]:
        pause: list[TopicPartition] = []
        resume: list[TopicPartition] = []
        with self._lock:
            for place, share in self._shares.items():
                if share.should_pause != share.paused and not share.leaving:
                    share.paused = not share.paused
                    (pause if share.paused else resume).append(TopicPartition(*place))
        return pause, resume

    def offsets(
        self, places: Iterable[Place], settled: Sequence[Fetched] = ()
    ) -> list[TopicPartition]:
        """What to commit, were ``settled`` settled too."""
        with self._lock:
            return [
                _offset(place, share.ledger.note([s.offset for s in settled if s.place == place]))
                for place in places
                if (share := self._shares.get(place)) is not None
            ]

    def is_unsaved(self) -> bool:
        """The broker does not know how everything stands."""
        return bool(self._unsaved)

    def to_save(self) -> tuple[set[Place], list[TopicPartition]]:
        """Taken for saved from now on; `mark_unsaved` if that fails."""
        with self._lock:
            places, self._unsaved = self._unsaved, set()
            return places, self.offsets(places)

    def mark_unsaved(self, places: Iterable[Place]) -> None:
        with self._lock:
            self._unsaved |= self._shares.keys() & set(places)

    # -- handing out

    def take_new(self, count: int) -> list[Waiting]:
        """Up to ``count`` a topic, of its partitions in turn; tombstones are settled on the way."""
        taken: list[Waiting] = []
        by_topic: dict[str, list[Share]] = {}
        with self._lock:
            for place, share in self._shares.items():
                if place.topic != self._retry_topic and share.fresh:
                    by_topic.setdefault(place.topic, []).append(share)
            for shares in by_topic.values():
                taken += self._take_in_turn(shares, count)
        return taken

    def _take_in_turn(self, shares: list[Share], count: int) -> list[Waiting]:
        taken: list[Waiting] = []
        while shares and len(taken) < count:
            for share in list(shares):
                if not share.fresh or not share.ledger.room or len(taken) >= count:
                    shares.remove(share)
                else:
                    self._take_next(share, taken)
        return taken

    def _take_next(self, share: Share, taken: list[Waiting]) -> None:
        one = share.next()
        share.ledger.hand_out(one.offset)
        if one.body is None:
            share.ledger.settle(one.offset)
            self._unsaved.add(one.place)
        else:
            taken.append(Waiting(one, False))

    def take_again(
        self, count: int, suspects: int, *, silent_since: float, due_ms: float
    ) -> list[Waiting]:
        """What may be handed out again: given back, of dead or silent members, failed before ``due_ms``."""
        taken: list[Waiting] = []
        with self._lock:
            for waiting in self._due(silent_since, due_ms):
                suspect = self._suspect(waiting)
                full = len(taken) >= count
                if full or (suspect and suspects <= 0) or waiting.fetched.name in self._holdings:
                    self._put_back(waiting)
                    if full:
                        break
                    continue
                suspects -= suspect
                self._shares[waiting.fetched.place].ledger.hand_out(waiting.fetched.offset)
                taken.append(waiting)
        return taken

    def _due(self, silent_since: float, due_ms: float) -> Iterator[Waiting]:
        for share in self._shares.values():
            for _ in range(len(share.again)):
                yield share.again.pop(0)
        for holding in [one for one in self._holdings.values() if one.heard <= silent_since]:
            del self._holdings[holding.fetched.name]
            yield Waiting(holding.fetched, True)
        for place, share in self._shares.items():
            while place.topic == self._retry_topic and share.fresh and share.ledger.room:
                origin = share.fresh[0].origin
                if origin is not None and origin.failed_ms > due_ms:
                    break
                yield Waiting(share.next(), False)

    def _put_back(self, waiting: Waiting) -> None:
        """It stays to be handed out again; one that nobody had yet is open from now on."""
        share = self._shares[waiting.fetched.place]
        if share.ledger.is_new(waiting.fetched.offset):
            share.ledger.hand_out(waiting.fetched.offset)
            share.ledger.give_back(waiting.fetched.offset)
        share.again.append(waiting)

    def _suspect(self, waiting: Waiting) -> bool:
        count = self._shares[waiting.fetched.place].ledger.count(waiting.fetched.offset)
        return waiting.fetched.delivery(count + 1, waiting.taken_over).suspect

    # -- in hand

    def hold(self, taken: Iterable[Waiting]) -> list[Delivery]:
        """The deliveries of what was taken; in hand from now on, silent once it was heard of."""
        deliveries = []
        with self._lock:
            for fetched, taken_over in taken:
                share = self._shares.get(fetched.place)
                if share is not None:
                    count = share.ledger.count(fetched.offset)
                    delivery = fetched.delivery(count, taken_over)
                    self._holdings[fetched.name] = Holding(fetched, delivery, math.inf)
                    self._unsaved.add(fetched.place)
                    deliveries.append(delivery)
        return deliveries

    def hear(self, deliveries: Iterable[Delivery], now: float) -> None:
        with self._lock:
            for delivery in deliveries:
                if (holding := self.held(delivery)) is not None:
                    holding.heard = now

    def held(self, delivery: Delivery) -> Holding | None:
        """None where it is not in hand any more, or handed out again since."""
        holding = self._holdings.get((delivery.topic, delivery.entry))
        return holding if holding and holding.delivery.attempt == delivery.attempt else None

    def settle(self, holdings: Iterable[Holding]) -> None:
        with self._lock:
            for holding in holdings:
                if self._is_held(holding):
                    fetched, share = holding.fetched, self._shares[holding.fetched.place]
                    del self._holdings[fetched.name]
                    share.ledger.settle(fetched.offset)
                    share.pass_to_end()
                    self._unsaved.add(fetched.place)

    def give_back(self, holding: Holding) -> None:
        with self._lock:
            if not self._is_held(holding):
                return
            fetched, share = holding.fetched, self._shares[holding.fetched.place]
            del self._holdings[fetched.name]
            share.ledger.give_back(fetched.offset)
            self._unsaved.add(fetched.place)
            if not share.leaving:
                share.again.append(Waiting(fetched, holding.delivery.taken_over))

    @contextmanager
    def sent_with(
        self, holdings: Sequence[Holding]
    ) -> Iterator[tuple[list[Holding], list[TopicPartition]]]:
        """Those that are still in hand, and what to commit with them settled; meanwhile no place goes."""
        with self._lock:
            held = [one for one in holdings if self._is_held(one)]
            fetched = [one.fetched for one in held]
            offsets = self.offsets({one.place for one in fetched}, fetched)
            self.sending = True
        try:
            yield held, offsets
        finally:
            self.sending = False

    def _is_held(self, holding: Holding) -> bool:
        return self._holdings.get(holding.fetched.name) is holding


def _offset(place: Place, note: Note) -> TopicPartition:
    return TopicPartition(*place, note.offset, note.text)
