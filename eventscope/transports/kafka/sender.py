"""Messages sent idempotently, and what became of each, heard by a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from eventscope.errors import BrokerUnavailable, TransportError
from eventscope.transports.base import Outgoing
from eventscope.transports.kafka.connection import Connection
from eventscope.transports.kafka.settings import failure_of, key_apart

__all__ = ["Answers", "Sender"]

_POLL = 0.1
_PING = 5.0
_FLUSH = 2.0


class Answers:
    """What became of the messages of one append; filled from any thread."""

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._left = count
        self._found: list[str | TransportError] = [""] * count
        self.future: asyncio.Future[list[str | TransportError]] = self._loop.create_future()

    def put(self, index: int, answer: str | TransportError) -> None:
        self._found[index] = answer
        with self._lock:
            self._left -= 1
            complete = not self._left
        if complete:
            with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        if not self.future.done():
            self.future.set_result(self._found)


class Sender:
    """A producer and the thread that hears what became of its messages."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.broken = False
        self._connection = Connection(settings.get("security.protocol", ""))
        try:
            self._producer = Producer({**settings, "error_cb": self._connection.note})
        except KafkaException as error:
            raise TransportError(f"Kafka: {error.args[0].str()}") from error
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="eventscope-kafka", daemon=True)
        self._thread.start()

    def send(self, messages: Sequence[Outgoing], answers: Answers) -> None:
        for index, message in enumerate(messages):
            key, headers = key_apart(message.headers)
            try:
                self._producer.produce(
                    message.topic,
                    message.body,
                    key=key,
                    headers=headers,
                    on_delivery=self._teller(answers, index),
                )
            except BufferError:
                answers.put(index, BrokerUnavailable("too many messages wait for Kafka"))
            except KafkaException as error:
                answers.put(index, self._failure(error.args[0]))

    def ping(self) -> None:
        try:
            self._producer.list_topics(timeout=_PING)
        except KafkaException as error:
            raise self._failure(error.args[0]) from error

    def close(self) -> None:
        if self._producer.flush(_FLUSH):
            self._producer.purge()
            self._producer.flush(_FLUSH)
        self._ended.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._ended.is_set():
            self._producer.poll(_POLL)

    def _teller(self, answers: Answers, index: int) -> Callable[[KafkaError | None, Message], None]:
        return lambda error, message: answers.put(index, self._answer(error, message))

    def _answer(self, error: KafkaError | None, message: Message) -> str | TransportError:
        if error is not None:
            return self._failure(error)
        self._connection.cause = ""
        return f"{message.partition()}:{message.offset()}"

    def _failure(self, error: KafkaError) -> TransportError:
        self.broken = self.broken or error.fatal()
        return failure_of(error, self._connection.cause)
