"""An entry as it was fetched from a partition, and as the bus sees it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

from confluent_kafka import Message

from eventscope.transports.base import Delivery
from eventscope.transports.kafka.retries import Origin, origin_of
from eventscope.transports.kafka.settings import KEY

__all__ = ["Fetched", "Place", "fetched_of"]


class Place(NamedTuple):
    topic: str
    partition: int


class Fetched(NamedTuple):
    """``body`` None: a tombstone, by which a compacted topic says that a key is gone."""

    place: Place
    offset: int
    body: bytes | None
    headers: tuple[tuple[bytes, bytes], ...]
    origin: Origin | None

    @property
    def name(self) -> tuple[str, str]:
        """Topic and entry id that the bus knows it by: those of the original."""
        if self.origin is not None:
            return self.origin.topic, self.origin.entry
        return self.place.topic, f"{self.place.partition}:{self.offset}"

    def delivery(self, count: int, taken_over: bool) -> Delivery:
        """For the ``count``-th time that this copy of it is handed out."""
        before = self.origin.attempt - 1 if self.origin else 0
        return Delivery(*self.name, self.body, self.headers, before + count, taken_over)


def fetched_of(message: Message) -> Fetched:
    place = Place(message.topic() or "", message.partition() or 0)
    headers = cast(Iterable[tuple[str, str | bytes | None]], message.headers() or ())
    named = [(name.encode(), _bytes(value)) for name, value in headers]
    key = message.key()
    if key is not None:
        named.insert(0, (KEY, _bytes(key)))
    origin, rest = origin_of(tuple(named))
    value = message.value()
    body = None if value is None else _bytes(value)
    return Fetched(place, message.offset() or 0, body, rest, origin)


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
