"""Where a web process takes its ticks from: monitor's over Redis, or its own while none arrive."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import redis.asyncio
import structlog
from channels.db import database_sync_to_async

from dashboard.live.gather import gather_tick
from dashboard.live.publisher import ticks_channel, until_tick
from dashboard.live.ranking import adopt
from eventscope.ending import end

__all__ = ["Feed"]

SILENCE = 2.0
RETRY = 10.0

log = structlog.get_logger(__name__)


class Feed:
    """Yields bodies of ticks, about one a second, from whoever makes them."""

    def __init__(self, url: str, *, gather: Callable[[], bytes] = gather_tick) -> None:
        self._url = url
        self._gather = gather
        self._heard = float("-inf")

    async def build(self) -> bytes:
        """A tick made here and now, in a thread."""
        body: bytes = await database_sync_to_async(self._gather, thread_sensitive=False)()
        return body

    async def ticks(self) -> AsyncIterator[bytes]:
        """Ends only by being cancelled. The newest tick replaces one that was not taken in time."""
        newest: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
        tasks = [asyncio.create_task(self._make(newest))]
        if self._url:
            tasks.append(asyncio.create_task(self._listen(newest)))
        try:
            while True:
                yield await newest.get()
        finally:
            await end(tasks)

    async def _make(self, newest: asyncio.Queue[bytes]) -> None:
        """Make what nobody sends. A failing database is logged and tried again with the next tick."""
        while True:
            await asyncio.sleep(until_tick(time.time()))
            if time.monotonic() - self._heard < SILENCE:
                continue
            try:
                body = await self.build()
            except Exception:  # whatever fails, the next tick tries again
                log.exception("live.tick_failed", action="live.tick_failed")
                continue
            _replace(newest, body)

    async def _listen(self, newest: asyncio.Queue[bytes]) -> None:
        while True:
            with contextlib.suppress(redis.RedisError, OSError):
                await self._subscribe(newest)
            await asyncio.sleep(RETRY)

    async def _subscribe(self, newest: asyncio.Queue[bytes]) -> None:
        client = redis.asyncio.Redis.from_url(self._url, socket_connect_timeout=2)
        async with client, client.pubsub() as channel:
            await channel.subscribe(ticks_channel())
            async for message in channel.listen():
                if message["type"] == "message":
                    self._heard = time.monotonic()
                    adopt(message["data"])
                    _replace(newest, message["data"])


def _replace(queue: asyncio.Queue[bytes], body: bytes) -> None:
    with contextlib.suppress(asyncio.QueueEmpty):
        queue.get_nowait()
    queue.put_nowait(body)
