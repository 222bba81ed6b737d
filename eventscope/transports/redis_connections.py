"""Connections to Redis that hear a cancellation.

redis-py writes each command through `asyncio.wait_for`, and before Python 3.12 that one swallows a
cancellation which comes as its own work completes (redis/redis-py#2028): of a busy client more than half of
them are lost. `asyncio.Task.cancelling` still counts them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from redis.asyncio.connection import AbstractConnection, ConnectionPool

__all__ = ["hear_cancellations"]

if TYPE_CHECKING:
    _Connection = AbstractConnection
else:
    _Connection = object


class _Hearing(_Connection):
    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        before = _cancellations()
        await super().send_packed_command(command, check_health)
        if _cancellations() > before:
            await self.disconnect(nowait=True)
            raise asyncio.CancelledError


def hear_cancellations(pool: ConnectionPool) -> None:
    """Connections that the pool makes from now on end with the task that is cancelled as it writes."""
    made = pool.connection_class
    pool.connection_class = type(f"Hearing{made.__name__}", (_Hearing, made), {})


def _cancellations() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0
