"""The event bus: what a service publishes through and subscribes to."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar, overload

from eventscope.consumer import Consumer, GroupOptions
from eventscope.durations import parse_duration
from eventscope.envelope import Event
from eventscope.handling import Handler
from eventscope.payloads import ServiceChange
from eventscope.processing import ErrorHandler, Processor
from eventscope.producer import EventProducer
from eventscope.receipts import LAST_WORD
from eventscope.retry import Backoff, RetryPolicy
from eventscope.routing import Router
from eventscope.stamps import Identity, default_instance
from eventscope.transports import Transport, open_transport

__all__ = ["EventBus"]

log = logging.getLogger("eventscope.bus")

Function = TypeVar("Function", bound=Callable[[Event], Any])
Hook = Callable[[], Awaitable[None]]


class EventBus(EventProducer):
    """One service's door to the broker.

    ``transport`` is a URL (``redis://…``, ``kafka://…``, ``memory://``) or a transport. ``routes``
    maps patterns of event types to topics; the first match wins, ``default_topic`` takes the rest.
    ``receipts`` False publishes neither receipts nor service events. ``instance`` must be unique among the
    processes of a service. One read waits for ``read_wait`` at most, and so may `stop`. Use it as
    an async context, or call `start` and `stop`, or `run`.
    """

    def __init__(
        self,
        transport: str | Transport,
        *,
        source: str,
        routes: Mapping[str, str] | None = None,
        default_topic: str = "events",
        version: str = "1.0",
        retry: RetryPolicy | None = None,
        dead_letter_topic: str | None = "failed-events",
        error_handlers: Mapping[str, ErrorHandler] | None = None,
        receipts: bool = True,
        system_topic: str = "system-events",
        instance: str | None = None,
        concurrency: int = 16,
        publish_timeout: str | float = "30s",
        read_wait: str | float = "250ms",
        backoff: Backoff | None = None,
    ) -> None:
        super().__init__(
            open_transport(transport) if isinstance(transport, str) else transport,
            Identity(source, instance or default_instance(), version),
            Router(routes or {}, default_topic),
            system_topic=system_topic,
            observed=receipts,
            publish_timeout=parse_duration(publish_timeout),
            backoff=backoff or Backoff(),
        )
        self._retry = retry or RetryPolicy()
        self._concurrency = concurrency
        self._read_wait = parse_duration(read_wait)
        self._processor = Processor(
            self.transport,
            self.identity,
            self._observer,
            self.counters,
            dead_letter_topic=dead_letter_topic,
            error_handlers=error_handlers or {},
            quiet_topics=frozenset({system_topic}),
        )
        self._groups: dict[str, GroupOptions] = {}
        self._consumers: list[Consumer] = []
        self._hooks: list[tuple[Hook, Hook]] = []
        self._running = False

    # -- subscribing

    @overload
    def subscribe(
        self,
        event_type: str | Sequence[str],
        handler: None = None,
        *,
        group: str | None = ...,
        topic: str | Sequence[str] | None = ...,
        concurrency: int | None = ...,
        retry: RetryPolicy | None = ...,
        timeout: str | float | None = ...,
        from_start: bool | None = ...,
    ) -> Callable[[Function], Function]: ...

    @overload
    def subscribe(
        self,
        event_type: str | Sequence[str],
        handler: Function,
        *,
        group: str | None = ...,
        topic: str | Sequence[str] | None = ...,
        concurrency: int | None = ...,
        retry: RetryPolicy | None = ...,
        timeout: str | float | None = ...,
        from_start: bool | None = ...,
    ) -> Function: ...

    def subscribe(
        self,
        event_type: str | Sequence[str],
        handler: Any = None,
        *,
        group: str | None = None,
        topic: str | Sequence[str] | None = None,
        concurrency: int | None = None,
        retry: RetryPolicy | None = None,
        timeout: str | float | None = None,
        from_start: bool | None = None,
    ) -> Any:
        """Call ``handler`` for events of a type, several types, or patterns such as ``ORDER_*``.

        Without ``handler`` it is a decorator. ``group`` is the service's name unless said;
        ``concurrency``, ``retry`` and ``from_start`` hold for the whole group, the last one said
        wins. Handlers of one group that accept the same event are called in turn, and together
        again when one of them fails. Delivery is at least once: a handler may see an event again.
        An async handler must not block the loop for longer than a third of ``claim_after``; a plain
        function, which runs in a thread, must return for the process to end.
        """
        if self._running:
            raise RuntimeError("subscribe before the bus is started")
        if handler is None:
            return lambda function: self.subscribe(
                event_type,
                function,
                group=group,
                topic=topic,
                concurrency=concurrency,
                retry=retry,
                timeout=timeout,
                from_start=from_start,
            )
        options = self._group(group or self.source, concurrency, retry, from_start)
        limit = None if timeout is None else parse_duration(timeout)
        for pattern in [event_type] if isinstance(event_type, str) else event_type:
            options.handlers.append(Handler.of(pattern, handler, limit))
            options.topics.extend(_topics(topic) or self.router.topics(pattern))
        return handler

    # -- life

    def attach(self, start: Hook, stop: Hook) -> None:
        """Run ``start`` after the bus has started and ``stop`` before it stops."""
        self._hooks.append((start, stop))

    async def start(self) -> None:
        """Begin to consume and to report. Works while the broker is away: it is waited for."""
        if self._running:
            raise RuntimeError("the bus is started already")
        self._running = True
        if self._observer is not None:
            self._observer.start()
            self.report("ServiceStarted", self._service_change())
        self._consumers = [self._consumer(options) for options in self._groups.values()]
        for consumer in self._consumers:
            consumer.start()
        try:
            for start, _ in self._hooks:
                await start()
        except BaseException:
            await self.stop(0)
            raise

    async def stop(self, grace: str | float = "10s") -> None:
        """Stop reading, finish what is in hand within ``grace``, leave the rest to others."""
        seconds = parse_duration(grace)
        for _, stop in reversed(self._hooks):
            await self._end_hook(stop)
        await asyncio.gather(*(consumer.stop(seconds) for consumer in self._consumers))
        self._consumers = []
        if self._observer is not None and self._running:
            self.report(LAST_WORD, self._service_change())
            await self._observer.stop(min(2.0, max(0.5, seconds)))
        await self._drain(min(2.0, max(0.5, seconds)))
        self._running = False
        await self.transport.close()

    async def run(self, grace: str | float = "10s") -> None:
        """Start, wait for SIGINT or SIGTERM, stop."""
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, asked.set)
        try:
            await self.start()
            await asked.wait()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
            await self.stop(grace)

    async def __aenter__(self) -> EventBus:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    # -- within

    def _consumer(self, options: GroupOptions) -> Consumer:
        return Consumer(
            self.transport,
            options,
            self.instance,
            self._processor.process,
            self.counters,
            backoff=self._backoff,
            block=self._read_wait,
        )

    async def _end_hook(self, stop: Hook) -> None:
        try:
            await stop()
        except Exception as error:
            self.counters.internal_errors += 1
            log.error("%s", error, extra={"action": "hook-failed"}, exc_info=error)

    def _group(
        self,
        name: str,
        concurrency: int | None,
        retry: RetryPolicy | None,
        from_start: bool | None,
    ) -> GroupOptions:
        options = self._groups.setdefault(
            name, GroupOptions(name, retry=self._retry, concurrency=self._concurrency)
        )
        options.concurrency = concurrency or options.concurrency
        options.retry = retry or options.retry
        options.from_start = options.from_start if from_start is None else from_start
        return options

    def _service_change(self) -> ServiceChange:
        identity = self.identity
        return ServiceChange(
            identity.source, identity.instance, identity.version, socket.gethostname()
        )


def _topics(topic: str | Sequence[str] | None) -> tuple[str, ...]:
    if topic is None:
        return ()
    return (topic,) if isinstance(topic, str) else tuple(topic)
