"""A Redis connection that sends what many handlers ask at the same moment in one round trip."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis

__all__ = ["Pipe"]

MOST_AT_ONCE = 500


class Pipe:
    """Commands that are waiting when the connection is free travel together.

    Each is atomic by itself, none with another. Raises redis' errors to whoever asked.
    """

    def __init__(self, redis: Redis) -> None:
        self.redis: Any = redis
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def run(self, *command: Any) -> Any:
        """The reply of one command."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, reply))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_all())
        return await reply

    async def _send_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                replies = await self._send([command for command, _ in batch])
            except Exception as error:  # noqa: BLE001 (handed to everybody who waits)
                replies = [error] * len(batch)
            for (_, waiting), reply in zip(batch, replies, strict=True):
                _settle(waiting, reply)

    async def _send(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        async with self.redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            replies: list[Any] = await pipeline.execute(raise_on_error=False)
        return replies


def _settle(waiting: asyncio.Future[Any], reply: Any) -> None:
    if waiting.done():
        return
    if isinstance(reply, Exception):
        waiting.set_exception(reply)
    else:
        waiting.set_result(reply)
