"""FastStream: receipts of what handlers do, and ids carried on: ``RedisBroker(middlewares=[EventscopeMiddleware(bus)])``.

The bus is an `eventscope.EventBus` that the application starts and stops beside the broker.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from eventscope.contrib.missing import MissingLibrary
from eventscope.envelope import Event, current_event, decode_event, handling
from eventscope.errors import EnvelopeError
from eventscope.payloads import Receipt, describe_error
from eventscope.producer import EventProducer
from eventscope.stamps import format_ms, new_event_id, now_ms

try:
    from faststream import BaseMiddleware
    from faststream.exceptions import AckMessage, IgnoredException, NackMessage, RejectMessage
except ImportError as error:
    raise MissingLibrary("faststream", "faststream") from error

__all__ = ["EventscopeMiddleware"]


class _Place(NamedTuple):
    topic: str
    partition: int
    offset: str


class EventscopeMiddleware:
    """A broker middleware that reports to ``bus``; ``group`` is the consumer group of the receipts.

    What a handler publishes carries the correlation id of the message it handles, and names it as its
    cause. A body that is a native envelope is known by its own ids.
    """

    def __init__(self, bus: EventProducer, *, group: str = "") -> None:
        self._bus = bus
        self._group = group

    def __call__(self, msg: Any, /, *, context: Any) -> _Scope:
        return _Scope(msg, context=context, bus=self._bus, group=self._group)


class _Scope(BaseMiddleware[Any, Any]):
    def __init__(self, msg: Any, /, *, context: Any, bus: EventProducer, group: str) -> None:
        super().__init__(msg, context=context)
        self._bus = bus
        self._group = group

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: Any) -> Any:
        place = _place_of(msg.raw_message)
        event = _event_of(msg, place)
        started, clock = now_ms(), time.perf_counter()
        error: BaseException | None = None
        try:
            with handling(event):
                return await call_next(msg)
        except Exception as raised:
            error = raised
            raise
        finally:
            took = (time.perf_counter() - clock) * 1000
            self._bus.report_receipt(self._receipt(event, place, error, started, took))

    async def publish_scope(self, call_next: Callable[[Any], Awaitable[Any]], cmd: Any) -> Any:
        """Headers say what an envelope would; those that the caller gave win."""
        told = {"message_id": new_event_id(), "source": self._bus.source}
        cause = current_event()
        if cause is not None:
            cmd.correlation_id = cause.correlation_id
            told |= {"causation_id": cause.event_id, "traceparent": cause.traceparent}
        cmd.add_headers({name: text for name, text in told.items() if text}, override=False)
        return await call_next(cmd)

    def _receipt(
        self,
        event: Event,
        place: _Place,
        error: BaseException | None,
        started: int,
        took: float,
    ) -> Receipt:
        outcome = _outcome(error)
        receipt = Receipt(
            event_id=event.event_id,
            event_type=event.event_type,
            consumer=self._bus.source,
            consumer_group=self._group,
            instance=self._bus.instance,
            topic=place.topic,
            partition=place.partition,
            offset=place.offset,
            correlation_id=event.correlation_id,
            attempt=1,
            max_attempts=0,
            produced_at=event.timestamp,
            started_at=format_ms(started),
            ended_at=format_ms(started + round(took)),
            duration_ms=round(took, 3),
            outcome=outcome,
        )
        if error is not None and outcome not in ("success", "skipped"):
            receipt.error = describe_error(error)
        return receipt


def _outcome(error: BaseException | None) -> str:
    """What FastStream makes of the way a handler ended; a message that is not acknowledged comes again."""
    if error is None or isinstance(error, AckMessage):
        return "success"
    if isinstance(error, NackMessage):
        return "retry"
    if isinstance(error, RejectMessage):
        return "failed"
    return "skipped" if isinstance(error, IgnoredException) else "failed"


def _event_of(msg: Any, place: _Place) -> Event:
    """The message as an event, by the rules of the wire format."""
    try:
        event = decode_event(msg.body, topic=place.topic, position=place.offset)
    except (EnvelopeError, TypeError):
        return _bare_event(msg, place)
    if event.metadata.get("correlationId") or event.metadata.get("conversationId"):
        return event
    metadata = {**event.metadata, "correlationId": msg.correlation_id}
    return msgspec.structs.replace(event, metadata=metadata)


def _bare_event(msg: Any, place: _Place) -> Event:
    told = msg.headers
    names = ("event_type", "message_type", "type")
    return Event(
        event_id=str(told.get("message_id") or f"{place.topic}@{place.offset}"),
        event_type=str(next((told[name] for name in names if told.get(name)), place.topic)),
        timestamp="",
        metadata={
            "correlationId": msg.correlation_id,
            "traceparent": told.get("traceparent", ""),
        },
        topic=place.topic,
        position=place.offset,
    )


def _place_of(raw: Any) -> _Place:
    """Of Redis' dictionaries and of the records that Kafka's clients hand out; empty of anything else."""
    if isinstance(raw, dict):
        ids = raw.get("message_ids") or [b""]
        return _Place(_text(raw.get("channel", "")), 0, _text(ids[0]))
    topic = getattr(raw, "topic", "")
    if not isinstance(topic, str):
        return _Place("", 0, "")
    return _Place(topic, getattr(raw, "partition", 0), str(getattr(raw, "offset", "")))


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
