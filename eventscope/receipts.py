"""What the kit reports about itself: receipts in batches, other system events one by one.

Reporting never fails or slows the service: queues are bounded, what does not fit or cannot be
published is counted in `Counters`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from eventscope.ending import end
from eventscope.errors import EventscopeError
from eventscope.payloads import Receipt, Receipts
from eventscope.waiting import is_set_within

__all__ = ["LAST_WORD", "Counters", "Observer"]

log = logging.getLogger("eventscope.receipts")

LAST_WORD = "ServiceStopped"

Publish = Callable[[Sequence[tuple[str, Any]]], Awaitable[object]]


@dataclass
class Counters:
    """What the bus has done since it was made."""

    published: int = 0
    succeeded: int = 0
    retried: int = 0
    failed: int = 0
    dead_lettered: int = 0
    skipped: int = 0
    filtered: int = 0
    poison: int = 0
    refused: int = 0
    internal_errors: int = 0
    broker_failures: int = 0
    error_handler_failures: int = 0
    receipts_sent: int = 0
    receipts_dropped: int = 0
    reports_sent: int = 0
    reports_dropped: int = 0


class Observer:
    """Collects on any thread, publishes on the bus's loop every ``linger`` or ``batch`` receipts."""

    def __init__(
        self,
        publish: Publish,
        counters: Counters,
        *,
        batch: int = 100,
        linger: float = 0.2,
        capacity: int = 10_000,
    ) -> None:
        self._publish = publish
        self._counters = counters
        self._batch = batch
        self._linger = linger
        self._capacity = capacity
        self._receipts: deque[Receipt] = deque()
        self._reports: deque[tuple[str, Any]] = deque()
        self._stopping = False
        self._wake: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def add_receipt(self, receipt: Receipt) -> None:
        """Queue a receipt; dropped and counted when the queue is full. Call on the bus's loop."""
        if len(self._receipts) >= self._capacity:
            self._counters.receipts_dropped += 1
            return
        self._receipts.append(receipt)
        if len(self._receipts) == self._batch and self._wake is not None:
            self._wake.set()

    def take(self, receipt: Receipt) -> None:
        """`add_receipt` from any thread; one that comes after the end is counted as dropped."""
        if self._loop is None:
            self.add_receipt(receipt)
            return
        try:
            self._loop.call_soon_threadsafe(self.add_receipt, receipt)
        except RuntimeError:  # the loop was closed meanwhile
            self._counters.receipts_dropped += 1

    def report(self, event_type: str, payload: Any) -> None:
        """Queue a system event, from any thread; dropped and counted when the queue is full."""
        if len(self._reports) >= self._capacity:
            self._counters.reports_dropped += 1
            return
        self._reports.append((event_type, payload))
        if self._loop is not None and self._wake is not None:
            # A loop that was closed meanwhile is no fault of the caller; the report stays queued.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake.set)

    def start(self) -> None:
        self._stopping = False
        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        if self._reports:
            self._wake.set()
        self._task = self._loop.create_task(self._run())

    async def stop(self, grace: float) -> None:
        """Publish what is queued within ``grace`` seconds; the rest is counted as dropped."""
        if self._task is None or self._wake is None:
            return
        self._stopping = True
        self._wake.set()
        await end([self._task], within=grace)
        self._task = None
        self._counters.receipts_dropped += len(self._receipts)
        self._counters.reports_dropped += len(self._reports)
        self._receipts.clear()
        self._reports.clear()

    async def _run(self) -> None:
        stopping = False
        while not stopping:
            await self._pause()
            stopping = self._stopping
            await self._flush()

    async def _pause(self) -> None:
        assert self._wake is not None
        if await is_set_within(self._wake, self._linger):
            self._wake.clear()

    async def _flush(self) -> None:
        while self._reports or self._receipts:
            size = min(self._batch, len(self._receipts))
            receipts = [self._receipts.popleft() for _ in range(size)]
            reports = self._next_reports()
            last_word = self._last_word()
            batch = [("ProcessingReceipts", Receipts(receipts))] if receipts else []
            events = [*reports, *batch, *last_word]
            await self._send(events, len(reports) + len(last_word), len(receipts))

    def _next_reports(self) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        while self._reports and len(found) < 100 and self._reports[0][0] != LAST_WORD:
            found.append(self._reports.popleft())
        return found

    def _last_word(self) -> list[tuple[str, Any]]:
        """That the service has stopped is told when nothing else of it is left to tell."""
        due = self._reports and self._reports[0][0] == LAST_WORD and not self._receipts
        return [self._reports.popleft()] if due else []

    async def _send(self, events: Sequence[tuple[str, Any]], reports: int, receipts: int) -> None:
        sent = False
        try:
            await self._publish(events)
            sent = True
        except EventscopeError as error:
            log.warning("%s", error, extra={"action": "observation-not-published"})
        except Exception as error:
            self._counters.internal_errors += 1
            log.error("%s", error, extra={"action": "observer-failed"}, exc_info=error)
        finally:
            self._count(reports, receipts, sent=sent)

    def _count(self, reports: int, receipts: int, *, sent: bool) -> None:
        if sent:
            self._counters.reports_sent += reports
            self._counters.receipts_sent += receipts
        else:
            self._counters.reports_dropped += reports
            self._counters.receipts_dropped += receipts
