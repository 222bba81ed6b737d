"""One member of a consumer group: what the bus asks of it.

Before an entry is handed out, and after it was settled, the group's offset is committed with the
ledger's text. Commits and transactions go one at a time; all that waits shares the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException, TopicPartition

from eventscope.errors import TransportError
from eventscope.stamps import now_ms
from eventscope.transports.base import (
    Ack,
    DeadLetter,
    Delivery,
    Member,
    Outgoing,
    Release,
    Retry,
    Settlement,
)
from eventscope.transports.kafka.poller import Poller, commit, committed
from eventscope.transports.kafka.retries import retry_copy, retry_topic
from eventscope.transports.kafka.settings import (
    STATIC,
    consumer_settings,
    transaction_settings,
)
from eventscope.transports.kafka.shares import Holding, Shares, Waiting
from eventscope.transports.kafka.topics import make_missing, starts_of_new_group
from eventscope.transports.kafka.transactions import Transactions
from eventscope.waiting import is_set_within

__all__ = ["GroupMember"]

_ANSWER = 10.0
_LEAVE = 5.0

T = TypeVar("T")


class GroupMember:
    """Belongs to the event loop that it is made in. `close` ends it for good."""

    def __init__(self, settings: dict[str, Any], member: Member) -> None:
        self._member = member
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._failure: TransportError | None = None
        self._saving = asyncio.Lock()
        self._threads = ThreadPoolExecutor(1, "eventscope-kafka-transactions")
        retries = retry_topic(member.group)
        self._topics = [*member.topics, retries]
        self._shares = Shares(retries)
        self._poller = Poller(
            consumer_settings(settings, member.group, member.name),
            self._topics,
            self._shares,
            self._tell,
        )
        self._transactions = Transactions(
            transaction_settings(settings, member.group, member.name), self._committed
        )

    async def join(self, *, from_start: bool) -> None:
        """Topics are made where missing; a new group begins at the first entries or the ends."""
        await self._apart(lambda: make_missing(self._settings, self._topics))
        if STATIC in self._settings:
            await self._apart(self._transactions.begin)
        consumer, topics = self._poller.idle_consumer, self._member.topics
        starts = {}
        if not from_start:
            starts = await self._apart(lambda: starts_of_new_group(consumer, topics))
        self._poller.start(starts)

    async def read(self, *, count: int, wait: float) -> list[Delivery]:
        deadline = time.monotonic() + wait
        while True:
            self._news.clear()
            self._raise_failure()
            if taken := self._shares.take_new(count):
                return await self._handed_out(taken)
            left = deadline - time.monotonic()
            if left <= 0:
                await self._save()
                return []
            await is_set_within(self._news, left)

    async def claim(
        self, *, retry_after: float, claim_after: float, count: int, suspects: int
    ) -> list[Delivery]:
        taken = self._shares.take_again(
            count,
            suspects,
            silent_since=time.monotonic() - claim_after,
            due_ms=now_ms() - retry_after * 1000,
        )
        return await self._handed_out(taken)

    def hold(self, deliveries: Sequence[Delivery]) -> None:
        self._shares.hear(deliveries, time.monotonic())

    def first_failed_ms(self, delivery: Delivery) -> int | None:
        holding = self._shares.held(delivery)
        origin = holding.fetched.origin if holding else None
        return origin.first_failed_ms if origin else None

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool | TransportError]:
        answers: list[bool | TransportError] = [True] * len(settlements)
        to_send: dict[int, tuple[Holding, Outgoing]] = {}
        for index, item in enumerate(settlements):
            holding = self._shares.held(item.delivery)
            if holding is None:
                answers[index] = isinstance(item, Ack)
            elif isinstance(item, Retry | DeadLetter):
                to_send[index] = (holding, self._message(holding, item))
            elif isinstance(item, Release):
                self._shares.give_back(holding)
            else:
                self._shares.settle([holding])
        if to_send:
            sent = await self._sent(list(to_send.values()))
            for index, answer in zip(to_send, sent, strict=True):
                answers[index] = answer
        await self._save()
        return answers

    async def close(self) -> None:
        """What is in hand stays open for the heir; what was given back is told as such."""
        self._transactions.end()
        await asyncio.to_thread(self._poller.end, _LEAVE)
        self._threads.shutdown(wait=False)

    # -- within

    async def _handed_out(self, taken: list[Waiting]) -> list[Delivery]:
        """Noted at the broker first, so that it is known who had it should we die of it."""
        if not taken:
            return []
        deliveries = self._shares.hold(taken)
        try:
            await self._save()
        except BaseException:
            for delivery in deliveries:
                if (holding := self._shares.held(delivery)) is not None:
                    self._shares.give_back(holding)
            raise
        self.hold(deliveries)
        return deliveries

    def _message(self, holding: Holding, item: Retry | DeadLetter) -> Outgoing:
        if isinstance(item, DeadLetter):
            return item.letter
        origin = holding.fetched.origin
        first = origin.first_failed_ms if origin else item.failed_ms
        return retry_copy(self._member.group, holding.delivery, first, item.failed_ms)

    async def _sent(self, sends: list[tuple[Holding, Outgoing]]) -> list[bool | TransportError]:
        """In one transaction with the offsets.

        A broker refuses messages together with the one that it cannot take, so all that were
        refused are tried alone; then what is left goes again.
        """
        answers: dict[int, bool | TransportError] = {}
        async with self._saving:
            while left := {index: one for index, one in enumerate(sends) if index not in answers}:
                found = await self._sent_together(left)
                for index in [one for one in found if isinstance(found[one], TransportError)]:
                    found |= await self._sent_together({index: sends[index]})
                answers |= found
        return [answers[index] for index in range(len(sends))]

    async def _sent_together(
        self, sends: dict[int, tuple[Holding, Outgoing]]
    ) -> dict[int, bool | TransportError]:
        """What became of all, or of those that were refused: nothing is done of the others then."""
        member = await self._asked(lambda consumer: consumer.consumer_group_metadata())
        with self._shares.sent_with([holding for holding, _ in sends.values()]) as (held, offsets):
            mine = {index: one for index, one in sends.items() if one[0] in held}
            lost: dict[int, bool | TransportError] = dict.fromkeys(
                sends.keys() - mine.keys(), False
            )
            if not mine:
                return lost
            messages = [message for _, message in mine.values()]
            refusals = await self._apart(lambda: self._transactions.run(messages, offsets, member))
            refused = {
                index: error
                for index, error in zip(mine, refusals, strict=True)
                if error is not None
            }
            if refused:
                return lost | refused
            self._shares.settle([holding for holding, _ in mine.values()])
            return lost | dict.fromkeys(mine, True)

    async def _save(self) -> None:
        """Returns when all that was noted before is committed."""
        async with self._saving:
            if self._shares.is_unsaved():
                await self._asked(self._commit)

    def _commit(self, consumer: Consumer) -> None:
        """In the poller's thread."""
        places, offsets = self._shares.to_save()
        try:
            commit(consumer, offsets)
        except KafkaException:
            self._shares.mark_unsaved(places)
            raise

    def _committed(self, offsets: list[TopicPartition]) -> list[TopicPartition]:
        places = [TopicPartition(one.topic, one.partition) for one in offsets]
        asked = self._poller.ask(lambda consumer: committed(consumer, places))
        return asked.result(_ANSWER)

    async def _asked(self, work: Callable[[Consumer], T]) -> T:
        return await asyncio.wrap_future(self._poller.ask(work))

    async def _apart(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._threads, work)

    # -- between thread and loop

    def _tell(self, error: TransportError | None) -> None:
        """An error is raised by the next read."""
        self._failure = error or self._failure
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
