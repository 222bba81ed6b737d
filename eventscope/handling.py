"""Calling the handlers of one event, and deciding what its outcome means. Knows no broker."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import Any, Literal, NamedTuple

from eventscope.envelope import Event, handling
from eventscope.errors import HandlerError, NoRetry, Skip
from eventscope.retry import RetryPolicy
from eventscope.routing import matches

__all__ = ["AttemptsExceeded", "Handler", "HandlerTimeout", "Outcome", "call_handlers", "decide"]

Outcome = Literal["success", "retry", "failed", "dead_lettered", "skipped"]
Function = Callable[[Event], Any]


class HandlerTimeout(HandlerError):
    """The handler took longer than its time-out."""


class AttemptsExceeded(NoRetry):
    """Delivered too often without an answer; consumers died, or hung, while handling it."""


class Handler(NamedTuple):
    """A function for the types that match ``pattern``; plain functions run in a thread."""

    pattern: str
    function: Function
    is_async: bool
    timeout: float | None = None

    @classmethod
    def of(cls, pattern: str, function: Function, timeout: float | None = None) -> Handler:
        call = getattr(function, "__call__", None)  # noqa: B004 - to see through callable objects
        is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
        return cls(pattern, function, is_async, timeout)

    def accepts(self, event_type: str) -> bool:
        return matches(self.pattern, event_type)


async def call_handlers(handlers: Sequence[Handler], event: Event, threads: Executor) -> None:
    """Call each in turn, in the context of ``event``; the first error ends it and is raised."""
    with handling(event):
        for handler in handlers:
            await _call(handler, event, threads)


async def _call(handler: Handler, event: Event, threads: Executor) -> None:
    if handler.timeout is None:
        return await _invoke(handler, event, threads)
    limit = asyncio.timeout(handler.timeout)
    try:
        async with limit:
            await _invoke(handler, event, threads)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise HandlerTimeout(f"no answer within {handler.timeout:g} s") from error
    return None


async def _invoke(handler: Handler, event: Event, threads: Executor) -> None:
    if handler.is_async:
        await handler.function(event)
        return
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    result = await loop.run_in_executor(threads, context.run, _guarded, handler.function, event)
    if isinstance(result, Awaitable):
        await result


def _guarded(function: Function, event: Event) -> Any:
    """A future cannot carry StopIteration; before Python 3.12 its waiter would hang for ever."""
    try:
        return function(event)
    except StopIteration as error:
        raise RuntimeError("the handler raised StopIteration") from error


def decide(
    error: BaseException | None, *, attempt: int, policy: RetryPolicy, dead_letters: bool
) -> Outcome:
    """What becomes of an event after a handling that ended with ``error`` (None: well)."""
    if error is None:
        return "success"
    if isinstance(error, Skip):
        return "skipped"
    if attempt < policy.max_attempts and not isinstance(error, NoRetry):
        return "retry"
    return "dead_lettered" if dead_letters else "failed"
