"""The thread that a member's consumer belongs to: it polls, commits, and hears of assignments.

The client library lets one thread at a time into a consumer, so all that is asked of it comes here.
The thread polls whatever the handlers do, so the group hears of the member in time; what it fetched
waits in `Shares`, bounded, its partitions paused when there is enough.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from eventscope.errors import BrokerUnavailable, TransportError
from eventscope.transports.kafka.connection import Connection
from eventscope.transports.kafka.fetched import Place, fetched_of
from eventscope.transports.kafka.ledger import Note
from eventscope.transports.kafka.settings import failure_of
from eventscope.transports.kafka.shares import Shares

__all__ = ["Poller", "commit", "committed"]

log = logging.getLogger("eventscope.kafka")

_IDLE = 0.05
_BUSY = 0.003
_AT_ONCE = 200
_ANSWER = 10.0
_PATIENCE = 30.0
_REST = 1.0
# A partition that moves to another member waits for so long for what is in hand here.
_DRAIN = 10.0
# The topic is being made, or is gone; it is looked for again and again.
_VANISHED = frozenset((KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC))

T = TypeVar("T")


class Poller:
    """``settings`` are the consumer's; ``told`` is called in the thread when there is news."""

    def __init__(
        self,
        settings: dict[str, Any],
        topics: list[str],
        shares: Shares,
        told: Callable[[TransportError | None], None],
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._shares = shares
        self._told = told
        self._starts: dict[Place, int] = {}
        self._asked: queue.SimpleQueue[tuple[Future[Any], Callable[[Consumer], Any]]]
        self._asked = queue.SimpleQueue()
        self._ended = threading.Event()
        self._broken = False
        self._connection = Connection(settings.get("security.protocol", ""))
        self._consumer = self._made_consumer()
        self._thread = threading.Thread(target=self._run, name="eventscope-kafka", daemon=True)

    def start(self, starts: dict[Place, int]) -> None:
        """``starts``: where partitions begin of which the group has no offset, if not at 0."""
        self._starts = starts
        self._subscribe()
        self._thread.start()

    def ask(self, work: Callable[[Consumer], T]) -> Future[T]:
        """Do it in the thread. Fails with `BrokerUnavailable` when that has ended."""
        future: Future[T] = Future()
        self._asked.put((future, work))
        if not self._thread.is_alive():
            self._refuse_asked()
        return future

    def end(self, seconds: float) -> None:
        """Leave the group; what does not answer within ``seconds`` is left to its fate."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    @property
    def idle_consumer(self) -> Consumer:
        """To be asked before the thread is started."""
        return self._consumer

    # -- the thread

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._begin_anew_if_broken()
                self._regulate()
                self._do_asked()
                self._poll()
            except KafkaException as error:
                self._break(failure_of(error.args[0]))
            except Exception as error:
                log.error("%s", error, extra={"action": "kafka-poll-failed"}, exc_info=error)
                self._break(TransportError(f"{type(error).__name__}: {error}"))
        self._do_asked()
        self._leave()
        self._refuse_asked()

    def _poll(self) -> None:
        """With work in hand something will be asked soon, so it does not wait in the consumer."""
        if self._shares.is_idle():
            messages = self._consumer.consume(1, _IDLE)
            messages += self._consumer.consume(_AT_ONCE, 0) if messages else []
        else:
            messages = self._consumer.consume(_AT_ONCE, 0)
            if not messages:
                self._do_asked(_BUSY)
        for message in messages:
            error = message.error()
            if error is None:
                self._shares.meet(fetched_of(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                place = Place(message.topic() or "", message.partition() or 0)
                self._shares.meet_end(place, message.offset() or 0)
            elif error.code() not in _VANISHED:
                self._told(failure_of(error))
                if error.fatal():
                    self._ended.wait(_REST)
        if messages:
            self._told(None)

    def _do_asked(self, wait: float = 0.0) -> None:
        """All that is asked; waits for the first."""
        try:
            asked = self._asked.get(timeout=wait) if wait else self._asked.get_nowait()
            while True:
                self._do(*asked)
                asked = self._asked.get_nowait()
        except queue.Empty:
            return

    def _do(self, future: Future[Any], work: Callable[[Consumer], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work(self._consumer))
        except KafkaException as error:
            future.set_exception(failure_of(error.args[0]))
        except Exception as error:  # noqa: BLE001 - it is the asker's
            future.set_exception(error)

    def _refuse_asked(self) -> None:
        while not self._asked.empty():
            future, _ = self._asked.get()
            if future.set_running_or_notify_cancel():
                future.set_exception(BrokerUnavailable("the member has left its group"))

    def _regulate(self) -> None:
        pause, resume = self._shares.to_pause_and_resume()
        if pause:
            self._consumer.pause(pause)
        if resume:
            self._consumer.resume(resume)

    def _break(self, error: TransportError) -> None:
        self._told(error)
        self._shares.clear()
        self._broken = True
        self._ended.wait(_REST)

    def _begin_anew_if_broken(self) -> None:
        """A consumer in a state that is not understood is left for another."""
        if self._broken:
            self._leave()
            self._consumer = self._made_consumer()
            self._subscribe()
            self._broken = False

    def _leave(self) -> None:
        """Calls `_revoked` for all that is left."""
        try:
            self._consumer.close()
        except Exception as error:  # noqa: BLE001 - nothing is left to be done about it
            log.info("%s", error, extra={"action": "kafka-leave-failed"})

    def _made_consumer(self) -> Consumer:
        try:
            return Consumer({**self._settings, "error_cb": self._note})
        except KafkaException as error:
            raise TransportError(f"Kafka: {error.args[0].str()}") from error

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def _note(self, error: KafkaError) -> None:
        self._connection.note(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN or error.fatal():
            self._told(failure_of(error, self._connection.cause))

    # -- called by librdkafka within a poll

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign([self._begin(one) for one in self._noted(consumer, partitions)])

    def _noted(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """An offset may be unstable for as long as the transaction of a dead member is open."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                return committed(consumer, partitions)
            except KafkaException:
                if time.monotonic() > until or self._ended.wait(_IDLE):
                    raise

    def _begin(self, noted: TopicPartition) -> TopicPartition:
        place = Place(noted.topic, noted.partition)
        if noted.offset >= 0:
            self._shares.add(place, Note.parsed(noted.offset, noted.metadata))
            return TopicPartition(*place, noted.offset)
        # Where 0 is no longer in the log, librdkafka goes to the first that is.
        start = self._starts.get(place, 0)
        self._shares.add(place, Note(start, start, {}))
        if place in self._starts:
            self._shares.mark_unsaved([place])
        return TopicPartition(*place, start)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Wait for what is in hand, tell how things stand, and let go."""
        places = [Place(one.topic, one.partition) for one in partitions]
        self._shares.leave(places)
        until = time.monotonic() + _DRAIN
        while self._shares.busy(places) and time.monotonic() < until and not self._ended.is_set():
            self._do_asked(_BUSY)
        while self._shares.sending and not self._ended.is_set():
            self._do_asked(_BUSY)
        try:
            commit(consumer, self._shares.offsets(places))
        except KafkaException as error:
            # The heir takes for in hand what was given back: it counts one delivery too many.
            log.info("%s", error, extra={"action": "kafka-last-commit-failed"})
        self._shares.drop(places)
        consumer.incremental_unassign(partitions)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.warning("partitions were lost to others", extra={"action": "kafka-partitions-lost"})
        self._shares.drop([Place(one.topic, one.partition) for one in partitions])
        consumer.incremental_unassign(partitions)


def commit(consumer: Consumer, offsets: list[TopicPartition]) -> None:
    """Raises `KafkaException` for the first that fails."""
    if offsets:
        _raise_first(consumer.commit(offsets=offsets, asynchronous=False) or [])


def committed(consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
    """The group's offsets with their texts."""
    return _raise_first(consumer.committed(partitions, _ANSWER))


def _raise_first(answers: list[TopicPartition]) -> list[TopicPartition]:
    failed = next((one.error for one in answers if one.error is not None), None)
    if failed is not None:
        raise KafkaException(failed)
    return answers
