"""Ending tasks so that they have ended.

One `Task.cancel` may be lost in a library: before Python 3.12 `asyncio.wait_for` swallows a cancellation that
comes while its own work completes. A loop that runs until it is cancelled would go on for ever, and whoever
waits for it with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

__all__ = ["end"]

log = logging.getLogger("eventscope.ending")

_AGAIN = 1.0
"""Seconds a cancelled task has for its clean-up before it is cancelled again."""
_TIMES = 10


async def end(tasks: Iterable[asyncio.Task[Any]], *, within: float = 0.0) -> None:
    """Wait ``within`` seconds for the tasks to end by themselves, then cancel them until they have ended.

    What they raised is told in the log. A task that resists ten times is left behind, and that is told too.
    """
    left = set(tasks)
    everyone = frozenset(left)
    if left and within > 0:
        _, left = await asyncio.wait(left, timeout=within)
    for _ in range(_TIMES):
        if not left:
            break
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
    if left:
        log.error("%d tasks do not end", len(left), extra={"action": "tasks-do-not-end"})
    for task in everyone - left:
        _tell(task)


def _tell(task: asyncio.Task[Any]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        log.error("%s", error, extra={"action": "task-failed"}, exc_info=error)
