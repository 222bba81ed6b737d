"""Publishing to Kafka by librdkafka; handlers are not subscribed by it yet.

Settings are those of https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from eventscope.errors import BrokerUnavailable, EventscopeError, TransportError
from eventscope.transports.base import Delivery, Member, Outgoing, Settlement

try:
    from confluent_kafka import KafkaError, KafkaException, Message, Producer

    from eventscope.transports.kafka_connection import Connection
except ImportError as error:
    raise EventscopeError("kafka:// needs confluent-kafka: pip install confluent-kafka") from error

__all__ = ["KafkaTransport", "settings_of"]

KEY = b"key"
_POLL = 0.1
_PING = 5.0
_FLUSH = 2.0
_PASSING = frozenset(
    (
        KafkaError._MSG_TIMED_OUT,
        KafkaError._QUEUE_FULL,
        KafkaError._PURGE_QUEUE,
        KafkaError._PURGE_INFLIGHT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
    )
)
_DEFAULTS: dict[str, Any] = {
    "client.id": "eventscope",
    "enable.idempotence": True,
    # The partition of a key is that of Kafka's own clients, and of `eventscope.partitions`.
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "message.timeout.ms": 10_000,
    "reconnect.backoff.max.ms": 2000,
    "log_level": 0,
}


class KafkaTransport:
    """Publishes idempotently, acknowledged by all replicas in sync.

    ``url`` is ``kafka://[user:password@]host[:port][,host…][?setting=value&…]``. The header ``key``
    becomes the message's key. An entry id is ``partition:offset``.
    """

    delivers = False

    def __init__(self, url: str) -> None:
        self._settings = {**_DEFAULTS, **settings_of(url)}
        self._sender: _Sender | None = None

    async def open(self) -> None:
        await self.ping()

    async def close(self) -> None:
        """Messages that the broker does not take within two seconds fail as unavailable."""
        sender, self._sender = self._sender, None
        if sender is not None:
            await asyncio.to_thread(sender.close)

    async def ping(self) -> None:
        await asyncio.to_thread(self._open().ping)

    async def append(self, messages: Sequence[Outgoing]) -> list[str | TransportError]:
        if not messages:
            return []
        sender = self._open()
        answers = _Answers(len(messages))
        sender.send(messages, answers)
        try:
            return await answers.future
        finally:
            if sender.broken and self._sender is sender:
                await self.close()

    async def join(self, member: Member, *, from_start: bool) -> None:
        _refuse()

    async def read(self, member: Member, *, count: int, wait: float) -> list[Delivery]:
        _refuse()

    async def claim(
        self,
        member: Member,
        *,
        retry_after: float,
        claim_after: float,
        count: int,
        suspects: int = 1,
    ) -> list[Delivery]:
        _refuse()

    async def hold(self, member: Member, deliveries: Sequence[Delivery]) -> None:
        _refuse()

    async def settle(
        self, member: Member, settlements: Sequence[Settlement]
    ) -> list[bool | TransportError]:
        _refuse()

    async def first_failed_ms(self, member: Member, delivery: Delivery) -> int | None:
        _refuse()

    async def leave(self, member: Member) -> None:
        _refuse()

    def _open(self) -> _Sender:
        """Made when first used, since a producer has threads, which a fork would lose."""
        if self._sender is None:
            self._sender = _Sender(self._settings)
        return self._sender


class _Answers:
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


class _Sender:
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

    def send(self, messages: Sequence[Outgoing], answers: _Answers) -> None:
        for index, message in enumerate(messages):
            key, headers = _key_apart(message.headers)
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

    def _teller(
        self, answers: _Answers, index: int
    ) -> Callable[[KafkaError | None, Message], None]:
        return lambda error, message: answers.put(index, self._answer(error, message))

    def _answer(self, error: KafkaError | None, message: Message) -> str | TransportError:
        if error is not None:
            return self._failure(error)
        self._connection.cause = ""
        return f"{message.partition()}:{message.offset()}"

    def _failure(self, error: KafkaError) -> TransportError:
        """`BrokerUnavailable` where it may help to send again."""
        self.broken = self.broken or error.fatal()
        passing = error.fatal() or error.retriable() or error.code() in _PASSING
        text = f"Kafka: {error.name()}: {error.str()}"
        if passing:
            cause = self._connection.cause
            return BrokerUnavailable(f"{text} ({cause})" if cause else text)
        return TransportError(text)


def settings_of(url: str) -> dict[str, Any]:
    """librdkafka's settings in a ``kafka://`` URL. Raises `EventscopeError` where no host is named, or
    an account that would not be used."""
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    if not hosts:
        raise EventscopeError("a Kafka's URL names its hosts: kafka://host:9092,host:9092")
    settings: dict[str, Any] = {"bootstrap.servers": hosts}
    told = dict(parse_qsl(parts.query, keep_blank_values=True))
    if user:
        if not told.get("security.protocol", "").lower().startswith("sasl_"):
            raise EventscopeError(
                "a Kafka's URL with an account says how it is told: "
                "kafka://user:password@host:9092?security.protocol=SASL_SSL"
            )
        name, _, password = user.partition(":")
        settings |= {"sasl.username": unquote(name), "sasl.password": unquote(password)}
        if "sasl.mechanism" not in told:
            settings["sasl.mechanisms"] = "PLAIN"
    return settings | told


def _key_apart(
    headers: Sequence[tuple[bytes, bytes]],
) -> tuple[bytes | None, list[tuple[str, str | bytes | None]]]:
    key = next((value for name, value in headers if name == KEY), None)
    return key, [(name.decode(), value) for name, value in headers if name != KEY]


def _refuse() -> NoReturn:
    raise TransportError("the kit publishes to Kafka and does not consume from it yet")
