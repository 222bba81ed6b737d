"""Health of a service's components, looked at every interval and published as ``HealthCheck``."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from eventscope.durations import format_duration, parse_duration
from eventscope.ending import end
from eventscope.payloads import Check, HealthReport

__all__ = ["CheckResult", "HealthBus", "HealthReporter", "Status", "worst"]

Status = Literal["healthy", "degraded", "unhealthy"]
Function = TypeVar("Function", bound=Callable[[], Any])

_RANK = {"healthy": 0, "degraded": 1, "unhealthy": 2}
_MAX_OUTPUT = 1_000


class HealthBus(Protocol):
    """What the reporter needs of the bus."""

    @property
    def source(self) -> str: ...

    @property
    def instance(self) -> str: ...

    def report(self, event_type: str, payload: Any) -> None: ...

    def attach(
        self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
    ) -> None: ...


class CheckResult(NamedTuple):
    """What a check may return to say more than true or false."""

    status: Status
    output: str = ""


class _Check(NamedTuple):
    component: str
    name: str
    function: Callable[[], Any]


class HealthReporter:
    """Starts and stops with the bus; ``interval`` and ``timeout`` as in the guide.

    A check returns None or True (healthy), False (unhealthy), a status, or a `CheckResult`; an
    error, or no answer within ``timeout``, is unhealthy. Plain functions run in a thread.
    """

    def __init__(
        self, bus: HealthBus, *, interval: str | float = "30s", timeout: str | float = "5s"
    ) -> None:
        self._bus = bus
        self._interval = parse_duration(interval)
        self._timeout = parse_duration(timeout)
        self._checks: list[_Check] = []
        self._task: asyncio.Task[None] | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._running: dict[_Check, asyncio.Future[Any]] = {}
        bus.attach(self.start, self.stop)

    def check(self, component: str, name: str = "") -> Callable[[Function], Function]:
        """Decorate a check of ``component``; several of one component are reported together."""

        def add(function: Function) -> Function:
            self._checks.append(_Check(component, name or function.__name__, function))
            return function

        return add

    async def start(self) -> None:
        self._threads = ThreadPoolExecutor(max(1, len(self._checks)), "eventscope-health")
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            await end([self._task])
            self._task = None
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def check_all(self) -> list[HealthReport]:
        """Look at every component now, all at once."""
        components = dict.fromkeys(check.component for check in self._checks)
        return list(await asyncio.gather(*(self._component(name) for name in components)))

    async def _run(self) -> None:
        while True:
            begun = time.monotonic()
            for report in await self.check_all():
                self._bus.report("HealthCheck", report)
            await asyncio.sleep(max(0.0, self._interval - (time.monotonic() - begun)))

    async def _component(self, name: str) -> HealthReport:
        checks = [check for check in self._checks if check.component == name]
        results = list(await asyncio.gather(*(self._look(check) for check in checks)))
        return HealthReport(
            component=name,
            service=self._bus.source,
            instance=self._bus.instance,
            status=worst([result.status for result in results]),
            latency_ms=max(result.latency_ms for result in results),
            checks=results,
        )

    async def _look(self, check: _Check) -> Check:
        begun = time.perf_counter()
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                result = _result(await self._call(check))
        except TimeoutError as error:
            late = f"no answer within {format_duration(self._timeout)}"
            result = CheckResult("unhealthy", late if limit.expired() else _said(error))
        except Exception as error:  # noqa: BLE001 - a check may raise anything: that is its answer
            result = CheckResult("unhealthy", _said(error))
        elapsed = round((time.perf_counter() - begun) * 1000, 3)
        return Check(check.name, result.status, elapsed, result.output[:_MAX_OUTPUT])

    async def _call(self, check: _Check) -> Any:
        if inspect.iscoroutinefunction(check.function):
            return await check.function()
        if check in self._running:
            return CheckResult("unhealthy", "the last look at it has not ended yet")
        loop = asyncio.get_running_loop()
        future = self._running[check] = loop.run_in_executor(self._threads, check.function)
        future.add_done_callback(lambda _: self._running.pop(check, None))
        # Shielded, as a thread cannot be cancelled: while it hangs, the check is not begun again.
        result = await asyncio.shield(future)
        return await result if isinstance(result, Awaitable) else result


def worst(statuses: Sequence[str]) -> Status:
    """The component is as well as its worst check; without checks it is healthy."""
    rank = max((_RANK[status] for status in statuses), default=0)
    return next(status for status in ("healthy", "degraded", "unhealthy") if _RANK[status] == rank)


def _result(value: Any) -> CheckResult:
    if isinstance(value, CheckResult):
        return value
    if value is None or value is True:
        return CheckResult("healthy")
    if value is False:
        return CheckResult("unhealthy")
    if value in ("healthy", "degraded", "unhealthy"):
        return CheckResult(value)
    raise TypeError(f"a check returned {type(value).__name__}, not a status")


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
