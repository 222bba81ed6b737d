"""From a delivery to its settlement and receipt: what one group does with one entry."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from eventscope.consumer import Consumer
from eventscope.deadletters import dead_letter
from eventscope.envelope import Event, decode_event
from eventscope.errors import EnvelopeError, TransportError
from eventscope.handling import AttemptsExceeded, Handler, Outcome, call_handlers, decide
from eventscope.payloads import ErrorInfo, Receipt, describe_error, partition_and_offset
from eventscope.receipts import Counters, Observer
from eventscope.stamps import Identity, format_ms, now_ms
from eventscope.transports.base import Ack, DeadLetter, Delivery, Retry, Settlement, Transport

__all__ = ["ErrorHandler", "Processor"]

log = logging.getLogger("eventscope.processing")

ErrorHandler = Callable[[Event], Any]

_COUNTED: dict[Outcome, str] = {
    "success": "succeeded",
    "retry": "retried",
    "failed": "failed",
    "dead_lettered": "dead_lettered",
    "skipped": "skipped",
}


@dataclass(frozen=True)
class _Handled:
    started_ms: int
    ended_ms: int
    duration_ms: float
    error: Exception | None


class Processor:
    """Shared by all consumers of a bus."""

    def __init__(
        self,
        transport: Transport,
        identity: Identity,
        observer: Observer | None,
        counters: Counters,
        *,
        dead_letter_topic: str | None,
        error_handlers: Mapping[str, ErrorHandler],
        quiet_topics: frozenset[str],
    ) -> None:
        self._transport = transport
        self._identity = identity
        self._observer = observer
        self._counters = counters
        self._dead_letter_topic = dead_letter_topic
        self._error_handlers = dict(error_handlers)
        self._quiet_topics = quiet_topics

    async def process(self, consumer: Consumer, delivery: Delivery) -> Settlement | None:
        """How to settle the delivery; None leaves it pending. Never raises but when cancelled."""
        try:
            return await self._process(consumer, delivery)
        except TransportError as error:
            log.warning("%s", error, extra={"action": "event-left-pending"})
            return None

    async def _process(self, consumer: Consumer, delivery: Delivery) -> Settlement | None:
        try:
            event = _decode(delivery)
        except EnvelopeError as error:
            return await self._poison(consumer, delivery, error)
        handlers = consumer.options.handlers_for(event.event_type)
        if not handlers:
            self._counters.filtered += 1
            return Ack(delivery)
        handled = await self._handle(consumer, handlers, event)
        return await self._conclude(consumer, delivery, event, handled)

    async def _handle(self, consumer: Consumer, handlers: list[Handler], event: Event) -> _Handled:
        started, clock = now_ms(), time.perf_counter()
        error: Exception | None = None
        try:
            if event.attempt > consumer.options.retry.max_deliveries:
                raise AttemptsExceeded
            await call_handlers(handlers, event, consumer.threads)
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            error = RuntimeError("the handler was cancelled from within")
            error.__cause__ = cancelled
        except Exception as raised:  # noqa: BLE001 - a handler may raise anything; it is reported
            error = raised
        duration = (time.perf_counter() - clock) * 1000
        return _Handled(started, started + round(duration), round(duration, 3), error)

    async def _conclude(
        self, consumer: Consumer, delivery: Delivery, event: Event, handled: _Handled
    ) -> Settlement:
        outcome = decide(
            handled.error,
            attempt=event.attempt,
            policy=consumer.options.retry,
            dead_letters=self._dead_letter_topic is not None,
        )
        self._count(outcome)
        info = describe_error(handled.error) if handled.error and outcome != "skipped" else None
        self._report(consumer, event, handled, outcome, info)
        if info is None:
            return Ack(delivery)
        self._log_failure(consumer, event, outcome, info)
        if outcome == "retry":
            return Retry(delivery, handled.ended_ms)
        await self._call_error_handler(consumer, event, info)
        return await self._bury(consumer, delivery, event, info, handled.ended_ms)

    async def _poison(
        self, consumer: Consumer, delivery: Delivery, error: EnvelopeError
    ) -> Settlement:
        self._counters.poison += 1
        log.error("%s", error, extra={"action": "poison-message", "topic": delivery.topic})
        return await self._bury(consumer, delivery, None, describe_error(error), now_ms())

    async def _bury(
        self,
        consumer: Consumer,
        delivery: Delivery,
        event: Event | None,
        error: ErrorInfo,
        failed_ms: int,
    ) -> Settlement:
        if self._dead_letter_topic is None:
            return Ack(delivery)
        first = None
        if delivery.attempt > 1:
            first = await self._transport.first_failed_ms(consumer.member, delivery)
        letter = dead_letter(
            delivery,
            event,
            error,
            topic=self._dead_letter_topic,
            consumer=self._identity.source,
            group=consumer.options.name,
            instance=self._identity.instance,
            version=self._identity.version,
            first_failed_ms=first,
            failed_ms=failed_ms,
        )
        return DeadLetter(delivery, letter)

    async def _call_error_handler(self, consumer: Consumer, event: Event, info: ErrorInfo) -> None:
        """The guide's ``errorHandlers``, by error type, ``*`` for any; its own failure is counted."""
        handler = self._error_handlers.get(info.type) or self._error_handlers.get("*")
        if handler is None:
            return
        try:
            await call_handlers([Handler.of("*", handler)], event, consumer.threads)
        except Exception as error:
            self._counters.error_handler_failures += 1
            log.error("%s", error, extra={"action": "error-handler-failed"}, exc_info=error)

    def _report(
        self,
        consumer: Consumer,
        event: Event,
        handled: _Handled,
        outcome: Outcome,
        info: ErrorInfo | None,
    ) -> None:
        if self._observer is None or event.topic in self._quiet_topics:
            return
        partition, offset = partition_and_offset(event.position)
        self._observer.add_receipt(
            Receipt(
                event_id=event.event_id,
                event_type=event.event_type,
                consumer=self._identity.source,
                consumer_group=consumer.options.name,
                instance=self._identity.instance,
                topic=event.topic,
                partition=partition,
                offset=offset,
                correlation_id=event.correlation_id,
                attempt=event.attempt,
                max_attempts=consumer.options.retry.max_attempts,
                produced_at=event.timestamp,
                started_at=format_ms(handled.started_ms),
                ended_at=format_ms(handled.ended_ms),
                duration_ms=handled.duration_ms,
                outcome=outcome,
                error=msgspec.UNSET if info is None else info,
            )
        )

    def _count(self, outcome: Outcome) -> None:
        name = _COUNTED[outcome]
        setattr(self._counters, name, getattr(self._counters, name) + 1)

    def _log_failure(
        self, consumer: Consumer, event: Event, outcome: Outcome, info: ErrorInfo
    ) -> None:
        facts = {
            "action": "event-handling-failed",
            "outcome": outcome,
            "event_id": event.event_id,
            "event_type": event.event_type,
            "group": consumer.options.name,
            "attempt": event.attempt,
            "error_type": info.type,
        }
        level = logging.INFO if outcome == "retry" else logging.WARNING
        log.log(level, "%s: %s", info.type, info.message, extra=facts)


def _decode(delivery: Delivery) -> Event:
    if delivery.body is None:
        raise EnvelopeError("the message has no value")
    key = next((value for name, value in delivery.headers if name == b"key"), b"")
    return decode_event(
        delivery.body,
        attempt=delivery.attempt,
        topic=delivery.topic,
        position=delivery.entry,
        key=key.decode("utf-8", "replace"),
        headers=delivery.headers,
    )
