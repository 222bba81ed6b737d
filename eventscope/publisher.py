"""Appending to the broker: what is published at the same time goes out in one round trip."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from eventscope.ending import end
from eventscope.errors import BrokerUnavailable, TransportError
from eventscope.retry import Backoff
from eventscope.transports.base import Outgoing, Transport

__all__ = ["Publisher"]

log = logging.getLogger("eventscope.publisher")

_STOPPED = "the bus stopped before the event was published"


class _Waiting(NamedTuple):
    message: Outgoing
    answer: asyncio.Future[str]
    deadline: float


class Publisher:
    """Keeps the order of appends; waits out a broker that is gone; bounded by ``max_waiting``.

    An append whose answer was lost is repeated, so an event may arrive twice with the same id.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        timeout: float = 30.0,
        max_waiting: int = 10_000,
        batch: int = 500,
        backoff: Backoff | None = None,
    ) -> None:
        self._transport = transport
        self._timeout = timeout
        self._batch = batch
        self._max_waiting = max_waiting
        self._backoff = backoff or Backoff()
        self._waiting: deque[_Waiting] = deque()
        self._room = asyncio.Condition()
        self._flusher: asyncio.Task[None] | None = None
        self.failures = 0

    async def append(self, messages: Sequence[Outgoing]) -> list[str]:
        """Entry ids in order. Raises `BrokerUnavailable` when none answered within the timeout."""
        if len(self._waiting) >= self._max_waiting:
            await self._wait_for_room()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        batch = [_Waiting(message, loop.create_future(), deadline) for message in messages]
        self._waiting.extend(batch)
        if self._flusher is None or self._flusher.done():
            self._flusher = loop.create_task(self._flush())
        if len(batch) == 1:
            return [await batch[0].answer]
        return await _all([item.answer for item in batch])

    async def drain(self, grace: float) -> None:
        """Until all is appended, at most ``grace`` seconds; what is left fails as unavailable."""
        if self._flusher is not None:
            await end([self._flusher], within=grace)
        _fail(self._waiting, BrokerUnavailable(_STOPPED))
        self._waiting.clear()

    async def _wait_for_room(self) -> None:
        try:
            async with asyncio.timeout(self._timeout), self._room:
                await self._room.wait_for(lambda: len(self._waiting) < self._max_waiting)
        except TimeoutError as error:
            raise BrokerUnavailable("too many events are waiting to be published") from error

    async def _flush(self) -> None:
        while self._waiting:
            count = min(self._batch, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
            try:
                await self._send([item for item in batch if not item.answer.done()])
            except asyncio.CancelledError:
                _fail(batch, BrokerUnavailable(_STOPPED))
                raise
            async with self._room:
                self._room.notify_all()

    async def _send(self, batch: list[_Waiting]) -> None:
        """Until every message is appended or refused, or its time is over."""
        failures = 0
        while batch:
            batch, error = await self._attempt(batch)
            if error is None:
                return
            failures += 1
            self.failures += 1
            if failures == 1:
                log.warning("%s", error, extra={"action": "publish-waits-for-broker"})
            now = asyncio.get_running_loop().time()
            _fail((item for item in batch if item.deadline <= now), error)
            batch = [item for item in batch if not item.answer.done()]
            if batch:
                await asyncio.sleep(self._backoff.delay(failures))

    async def _attempt(
        self, batch: list[_Waiting]
    ) -> tuple[list[_Waiting], BrokerUnavailable | None]:
        """What has to be sent again, and why."""
        try:
            answers = await self._transport.append([item.message for item in batch])
        except BrokerUnavailable as error:
            return batch, error
        except Exception as error:  # noqa: BLE001 - those who wait must be told, whatever it is
            _fail(batch, TransportError(f"{type(error).__name__}: {error}"))
            return [], None
        return _resolve(batch, answers)


def _resolve(
    batch: Sequence[_Waiting], answers: Sequence[str | TransportError]
) -> tuple[list[_Waiting], BrokerUnavailable | None]:
    again: list[_Waiting] = []
    reason: BrokerUnavailable | None = None
    for item, answer in zip(batch, answers, strict=True):
        if isinstance(answer, BrokerUnavailable):
            again.append(item)
            reason = answer
        elif isinstance(answer, TransportError):
            _fail([item], answer)
        elif not item.answer.done():
            item.answer.set_result(answer)
    return again, reason


def _fail(batch: Iterable[_Waiting], error: TransportError) -> None:
    """An exception of its own for each, as raising one in many tasks would mix their traces."""
    for item in batch:
        if not item.answer.done():
            item.answer.set_exception(type(error)(*error.args))


async def _all(futures: Sequence[asyncio.Future[str]]) -> list[str]:
    """All results; the first error is raised only after every answer is in."""
    results = await asyncio.gather(*futures, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, str)]
