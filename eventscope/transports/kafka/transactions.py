"""Messages and offsets in one transaction: a letter, or a copy to retry, and its entry's end.

Of both or neither readers see anything (https://cwiki.apache.org/confluence/x/_7GzBw, KIP-447); a
member that was counted out meanwhile is refused by its group's generation. All of this blocks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from eventscope.errors import BrokerUnavailable, TransportError
from eventscope.transports.base import Outgoing
from eventscope.transports.kafka.settings import failure_of, key_apart

__all__ = ["Transactions"]

log = logging.getLogger("eventscope.kafka")

_ANSWER = 10.0
_PAUSE = 0.2

Refusals = list[TransportError | None]
Committed = Callable[[list[TopicPartition]], list[TopicPartition]]


class Transactions:
    """A member's own; ``committed`` asks the broker for offsets and their texts."""

    def __init__(self, settings: dict[str, Any], committed: Committed) -> None:
        self._settings = settings
        self._committed = committed
        self._producer: Producer | None = None
        self._ended = threading.Event()

    def run(
        self, messages: Sequence[Outgoing], offsets: list[TopicPartition], member: object
    ) -> Refusals:
        """All None: it is done. Otherwise nothing is, and those with an error never can be.

        Raises `BrokerUnavailable` where nothing is done and it may help to try again.
        """
        producer = self._open()
        refusals: Refusals = [None] * len(messages)
        failures: dict[int, KafkaError] = {}
        try:
            producer.begin_transaction()
            self._produce(producer, messages, refusals, failures)
            if any(refusals):
                return self._given_up(producer, refusals)
            producer.flush(_ANSWER)
            self._in_time(lambda: producer.send_offsets_to_transaction(offsets, member, _ANSWER))
        except KafkaException as error:
            return self._failed(producer, error.args[0], refusals, failures)
        return self._commit(producer, offsets, refusals, failures)

    def begin(self) -> None:
        """End what a predecessor of the same name left open. Raises `TransportError`."""
        self._open()

    def end(self) -> None:
        """One whose outcome cannot be learnt is waited for no longer."""
        self._ended.set()

    def _open(self) -> Producer:
        """Ends what an earlier one of the same name left open."""
        if self._producer is None:
            try:
                producer = Producer(self._settings)
                producer.init_transactions(_ANSWER)
            except KafkaException as error:
                raise failure_of(error.args[0]) from error
            self._producer = producer
        return self._producer

    def _produce(
        self,
        producer: Producer,
        messages: Sequence[Outgoing],
        refusals: Refusals,
        failures: dict[int, KafkaError],
    ) -> None:
        for index, message in enumerate(messages):
            key, headers = key_apart(message.headers)
            try:
                producer.produce(
                    message.topic,
                    message.body,
                    key=key,
                    headers=headers,
                    on_delivery=_noting(failures, index),
                )
            except BufferError:
                raise KafkaException(KafkaError(KafkaError._QUEUE_FULL)) from None
            except KafkaException as error:
                refused = failure_of(error.args[0])
                if isinstance(refused, BrokerUnavailable):
                    raise
                refusals[index] = refused

    def _commit(
        self,
        producer: Producer,
        offsets: list[TopicPartition],
        refusals: Refusals,
        failures: dict[int, KafkaError],
    ) -> Refusals:
        """Asks until it is known: an answer that was lost does not say what has happened."""
        while True:
            try:
                self._in_time(lambda: producer.commit_transaction(_ANSWER))
            except KafkaException as raised:
                error: KafkaError = raised.args[0]
                if error.txn_requires_abort():
                    return self._failed(producer, error, refusals, failures)
                if self._producer is not producer or not error.retriable():
                    return self._after_all(offsets, error, refusals)
                log.warning("%s", error.str(), extra={"action": "transaction-waits-for-broker"})
                if self._ended.wait(_PAUSE):
                    raise failure_of(error) from raised
            else:
                return refusals

    def _after_all(
        self, offsets: list[TopicPartition], error: KafkaError, refusals: Refusals
    ) -> Refusals:
        """A new producer of the same name ends what was open; the offsets say which way it went."""
        self._producer = None
        while not self._ended.is_set():
            try:
                self._open()
                now = self._committed(offsets)
            except (TransportError, TimeoutError):
                self._ended.wait(_PAUSE)
                continue
            if all(_same(one, other) for one, other in zip(offsets, now, strict=True)):
                return refusals
            break
        raise BrokerUnavailable(f"Kafka: {error.name()}: {error.str()}")

    def _failed(
        self,
        producer: Producer,
        error: KafkaError,
        refusals: Refusals,
        failures: dict[int, KafkaError],
    ) -> Refusals:
        """Nothing is done. Whatever message cannot ever be taken is told."""
        log.info("%s", error.str(), extra={"action": "transaction-aborted"})
        self._abort(producer, error)
        for index, failure in failures.items():
            refused = failure_of(failure)
            if not isinstance(refused, BrokerUnavailable):
                refusals[index] = refused
        if any(refusals):
            # Its count of the partition's messages does not agree with the broker's any more.
            self._producer = None
            return refusals
        told = failure_of(error)
        if error.txn_requires_abort() and not isinstance(told, BrokerUnavailable):
            told = BrokerUnavailable(str(told))
        raise told

    def _given_up(self, producer: Producer, refusals: Refusals) -> Refusals:
        self._abort(producer, None)
        return refusals

    def _in_time(self, call: Callable[[], None]) -> None:
        """A call that may keep no time limit when a broker goes away in the midst of it
        (https://github.com/confluentinc/librdkafka/issues/5456).

        Its producer is left to hang: a successor of the same name fences it.
        """
        done: Future[None] = Future()

        def run() -> None:
            try:
                call()
                done.set_result(None)
            except KafkaException as error:
                done.set_exception(error)

        threading.Thread(target=run, name="eventscope-kafka-transaction", daemon=True).start()
        try:
            done.result(2 * _ANSWER)
        except TimeoutError:
            self._producer = None
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from None

    def _abort(self, producer: Producer, error: KafkaError | None) -> None:
        """One that cannot even be aborted is left; its successor ends the transaction."""
        if self._producer is not producer:
            return
        if error is not None and error.fatal():
            self._producer = None
            return
        try:
            producer.abort_transaction(_ANSWER)
        except KafkaException:
            self._producer = None


def _noting(
    failures: dict[int, KafkaError], index: int
) -> Callable[[KafkaError | None, Message], None]:
    def note(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures[index] = error

    return note


def _same(one: TopicPartition, other: TopicPartition) -> bool:
    return (one.offset, one.metadata) == (other.offset, other.metadata)
