"""A circuit breaker around calls that may fail, sync or async; it publishes every change, and how it stands."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from eventscope import circuit as machine
from eventscope.circuit import Circuit, CircuitSettings, State
from eventscope.durations import parse_duration
from eventscope.ending import end
from eventscope.errors import BreakerOpen
from eventscope.payloads import BreakerChange
from eventscope.window import Rates, Window

__all__ = ["CircuitBreaker", "Reporter"]

Function = TypeVar("Function", bound=Callable[..., Any])


class Reporter(Protocol):
    """What a breaker or a health check needs of the bus."""

    @property
    def source(self) -> str: ...

    @property
    def instance(self) -> str: ...

    def report(self, event_type: str, payload: Any) -> None: ...


class _Ticket(NamedTuple):
    breaker: CircuitBreaker
    epoch: int
    started: float


_open_tickets: ContextVar[tuple[_Ticket, ...]] = ContextVar("eventscope_breaker", default=())


class CircuitBreaker:
    """Use it as ``async with``, ``with``, a decorator, or through `call` and `call_sync`.

    Each raises `BreakerOpen` instead of calling. Exceptions of the kinds in ``ignore`` are the
    caller's own and count as successes. Safe to share between threads and tasks.

    It tells how it stands when the bus starts and every ``report_every``; one that is made after that,
    or has a bus without hooks, when it is called. "0s": only its changes are told.
    """

    def __init__(
        self,
        name: str,
        *,
        bus: Reporter | None = None,
        failure_threshold: int = 5,
        reset_timeout: str | float = "60s",
        half_open_timeout: str | float = "30s",
        window: str | float = "60s",
        ignore: tuple[type[Exception], ...] = (),
        report_every: str | float = "30s",
        on_change: Callable[[BreakerChange], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if failure_threshold < 1:
            raise ValueError("failure_threshold must be at least 1")
        self.name = name
        self.settings = CircuitSettings(
            failure_threshold, parse_duration(reset_timeout), parse_duration(half_open_timeout)
        )
        self._bus = bus
        self._ignore = ignore
        self._on_change = on_change
        self._clock = clock
        self._lock = threading.RLock()
        self._circuit = Circuit(since=clock())
        self._window = Window(parse_duration(window))
        self._every = parse_duration(report_every)
        self._told: float | None = None
        self._rejected = 0
        self._task: asyncio.Task[None] | None = None
        attach = getattr(bus, "attach", None)
        if attach is not None and self._every:
            attach(self._start, self._stop)

    @property
    def state(self) -> State:
        return self._circuit.state

    @property
    def failure_count(self) -> int:
        """Failures in a row."""
        return self._circuit.failures

    def rates(self) -> Rates:
        """Error rate, latency and throughput of the sliding window."""
        with self._lock:
            return self._window.rates(self._clock())

    async def call(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """``function(*args)``, awaited where it wants it. Raises `BreakerOpen`, or its error."""
        async with self:
            result = function(*args, **named)
            return await result if isinstance(result, Awaitable) else result

    def call_sync(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        with self:
            return function(*args, **named)

    def __call__(self, function: Function) -> Function:
        """Decorate a function, sync or async."""
        wrap = self._wrap_async if inspect.iscoroutinefunction(function) else self._wrap_sync
        return cast(Function, wrap(function))

    def force_open(self, reason: str = "forced open by hand") -> None:
        self._force(State.FORCED_OPEN, reason)

    def disable(self, reason: str = "disabled by hand") -> None:
        self._force(State.DISABLED, reason)

    def close(self, reason: str = "closed by hand") -> None:
        self._force(State.CLOSED, reason)

    def __enter__(self) -> CircuitBreaker:
        _open_tickets.set((*_open_tickets.get(), self._begin()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        *others, ticket = _open_tickets.get()
        _open_tickets.set(tuple(others))
        self._end(ticket, error)

    async def __aenter__(self) -> CircuitBreaker:
        self.__enter__()
        if self.state is State.HALF_OPEN:
            loop = asyncio.get_running_loop()
            loop.call_later(self.settings.half_open_timeout + 0.001, self._expire)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    def _begin(self) -> _Ticket:
        now = self._clock()
        with self._lock:
            circuit, admitted = machine.admit(self._circuit, self.settings, now)
            self._move(circuit, now)
            self._rejected += not admitted
            self._tell_if_due(now)
            if admitted:
                return _Ticket(self, circuit.epoch, now)
            wait = machine.wait_left(circuit, self.settings, now)
        raise BreakerOpen(
            f"circuit breaker {self.name} is {circuit.state}; next try in {wait:.1f} s"
        )

    def _end(self, ticket: _Ticket, error: BaseException | None) -> None:
        now, epoch = self._clock(), ticket.epoch
        failed = isinstance(error, Exception) and not isinstance(error, self._ignore)
        with self._lock:
            if error is not None and not isinstance(error, Exception):
                self._move(machine.abandon(self._circuit, epoch), now)
                return
            self._window.record(now, failed=failed, seconds=now - ticket.started)
            if failed:
                text = type(error).__name__
                self._move(machine.fail(self._circuit, self.settings, epoch, now, text), now)
            else:
                self._move(machine.succeed(self._circuit, epoch, now), now)

    def _expire(self) -> None:
        """A timer's look at a probe that may hang; does nothing when it has ended."""
        now = self._clock()
        with self._lock:
            self._move(machine.expire(self._circuit, self.settings, now), now)

    def _force(self, state: State, reason: str) -> None:
        now = self._clock()
        with self._lock:
            self._move(machine.force(self._circuit, state, now, reason), now)

    def _move(self, circuit: Circuit, now: float) -> None:
        """Under the lock, so that changes are published in the order in which they happened."""
        before, self._circuit = self._circuit, circuit
        if before.state is circuit.state and before.epoch == circuit.epoch:
            return
        change = self._tell(before, now)
        if self._on_change is not None:
            self._on_change(change)

    def _tell_if_due(self, now: float) -> None:
        due = self._told is None or now - self._told >= self._every
        if self._bus is not None and self._every and due:
            self._tell(self._circuit, now)

    def _tell(self, before: Circuit, now: float) -> BreakerChange:
        change = self._change(before, self._circuit, self._window.rates(now))
        if self._bus is not None:
            self._bus.report("CircuitBreakerStateChanged", change)
        self._told, self._rejected = now, 0
        return change

    async def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            with self._lock:
                self._tell(self._circuit, self._clock())
            await asyncio.sleep(self._every)

    async def _stop(self) -> None:
        """What was refused since it last told is not lost."""
        if self._task is not None:
            await end([self._task])
            self._task = None
        with self._lock:
            if self._rejected:
                self._tell(self._circuit, self._clock())

    def _change(self, before: Circuit, after: Circuit, rates: Rates) -> BreakerChange:
        return BreakerChange(
            name=self.name,
            service=self._bus.source if self._bus else "",
            instance=self._bus.instance if self._bus else "",
            from_=before.state.value,
            to=after.state.value,
            failure_count=after.failures,
            failure_threshold=self.settings.failure_threshold,
            reset_timeout_ms=round(self.settings.reset_timeout * 1000),
            half_open_timeout_ms=round(self.settings.half_open_timeout * 1000),
            error_rate=round(rates.error_rate, 6),
            latency_ms=round(rates.latency_ms, 3),
            throughput=round(rates.throughput, 3),
            reason=after.reason,
            rejected_count=self._rejected,
        )

    def _wrap_async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def guarded(*args: Any, **named: Any) -> Any:
            async with self:
                return await function(*args, **named)

        return guarded

    def _wrap_sync(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def guarded(*args: Any, **named: Any) -> Any:
            with self:
                return function(*args, **named)

        return guarded
