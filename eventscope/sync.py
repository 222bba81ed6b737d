"""The bus for services without asyncio: the same calls, blocking, from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from eventscope.bus import EventBus
from eventscope.durations import parse_duration
from eventscope.envelope import Event
from eventscope.payloads import Receipt

__all__ = ["SyncEventBus"]

Result = TypeVar("Result")


class SyncEventBus:
    """An `EventBus` on a thread of its own; takes the same arguments.

    Handlers may be plain functions (run in threads, concurrently) and may publish through this
    object; ids are carried on there too. Start it in the process that uses it, after any fork.
    """

    def __init__(self, transport: Any, *, source: str, **options: Any) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.bus = EventBus(transport, source=source, **options)

    @property
    def source(self) -> str:
        return self.bus.source

    @property
    def instance(self) -> str:
        return self.bus.instance

    def start(self) -> None:
        if self._thread is not None:
            raise RuntimeError("the bus is started already")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="eventscope", daemon=True
        )
        self._thread.start()
        self._wait(self.bus.start())

    def stop(self, grace: str | float = "10s") -> None:
        """As `EventBus.stop`; does nothing when it is not started."""
        if self._thread is None or self._loop is None:
            return
        self._wait(self.bus.stop(parse_duration(grace)))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._thread = self._loop = None

    def publish(
        self, event: str | Event | Mapping[str, Any], payload: Any = None, **options: Any
    ) -> Event:
        """As `EventBus.publish`. Returns when the broker has it."""
        return self._wait(self.bus.publish(event, payload, **options))

    def publish_many(
        self, events: Iterable[Event | Mapping[str, Any]], *, topic: str | None = None
    ) -> list[Event]:
        return self._wait(self.bus.publish_many(list(events), topic=topic))

    def subscribe(
        self,
        event_type: Any,
        handler: Callable[[Event], Any] | None = None,
        **options: Any,
    ) -> Any:
        """As `EventBus.subscribe`, a decorator without ``handler``; before `start`."""
        if handler is None:
            return self.bus.subscribe(event_type, **options)
        return self.bus.subscribe(event_type, handler, **options)

    def report(self, event: str | Event, payload: Any = None) -> None:
        self.bus.report(event, payload)

    def report_receipt(self, receipt: Receipt) -> None:
        self.bus.report_receipt(receipt)

    def attach(self, start: Any, stop: Any) -> None:
        self.bus.attach(start, stop)

    def is_healthy(self) -> bool:
        return self._wait(self.bus.is_healthy())

    def __enter__(self) -> SyncEventBus:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The task takes over the caller's context, so the event being handled is known in it."""
        if self._thread is None or self._loop is None:
            work.close()
            raise RuntimeError("start the bus first")
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(
                "an async handler awaits bus.bus.publish; this call would wait for itself"
            )
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
