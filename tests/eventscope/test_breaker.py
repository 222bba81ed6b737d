"""The breaker around real calls: sync, async, threads; and what it publishes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from eventscope import BreakerOpen, CircuitBreaker, Event
from eventscope.circuit import State
from eventscope.payloads import BreakerChange
from eventscope.window import Rates, Window
from tests.eventscope.conftest import MakeBus, eventually


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def breaker(
    clock: Callable[[], float] | None = None, **options: Any
) -> tuple[CircuitBreaker, list[str]]:
    """A breaker and the states that it enters."""
    states: list[str] = []

    def changed(change: BreakerChange) -> None:
        states.append(change.to)

    options.setdefault("failure_threshold", 2)
    made = CircuitBreaker("provider", on_change=changed, clock=clock or Clock(), **options)
    return made, states


def failing() -> None:
    raise ConnectionError("down")


async def failing_later() -> None:
    await asyncio.sleep(0)
    raise ConnectionError("down")


async def test_open_breaker_does_not_call() -> None:
    one, _ = breaker()
    calls = []
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await one.call(failing_later)

    with pytest.raises(BreakerOpen, match=r"provider is open; next try in 60\.0 s"):
        await one.call(calls.append, 1)

    assert calls == []


async def test_probe_after_the_reset_timeout_closes_it() -> None:
    clock = Clock()
    one, states = breaker(clock)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await one.call(failing_later)
    clock.now += 60

    async def well() -> str:
        return "paid"

    assert await one.call(well) == "paid"
    assert states == ["open", "half_open", "closed"]


def test_with_statement_and_decorator_guard_plain_functions() -> None:
    one, states = breaker()
    guarded = one(failing)

    with pytest.raises(ConnectionError):
        guarded()
    with pytest.raises(ConnectionError), one:
        failing()
    with pytest.raises(BreakerOpen):
        one.call_sync(failing)

    assert states == ["open"]
    assert guarded.__name__ == "failing"


async def test_decorated_coroutine_stays_one() -> None:
    one, _ = breaker()
    guarded = one(failing_later)

    assert asyncio.iscoroutinefunction(guarded)
    with pytest.raises(ConnectionError):
        await guarded()


async def test_nested_breakers_keep_their_outcomes_apart() -> None:
    outer, outer_states = breaker(failure_threshold=1)
    inner, inner_states = breaker(failure_threshold=1)

    async with outer:
        with pytest.raises(ConnectionError):
            async with inner:
                failing()

    assert (outer_states, inner_states) == ([], ["open"])


async def test_concurrent_calls_share_one_probe() -> None:
    clock = Clock()
    one, _ = breaker(clock, failure_threshold=1)
    with pytest.raises(ConnectionError):
        await one.call(failing_later)
    clock.now += 60
    release = asyncio.Event()

    probes = [asyncio.create_task(one.call(release.wait)) for _ in range(10)]
    await asyncio.sleep(0)
    release.set()
    results = await asyncio.gather(*probes, return_exceptions=True)

    assert results.count(True) == 1
    assert sum(isinstance(result, BreakerOpen) for result in results) == 9
    assert one.state is State.CLOSED


async def test_cancelled_call_says_nothing_about_the_provider() -> None:
    one, states = breaker(failure_threshold=1)
    task = asyncio.create_task(one.call(asyncio.sleep, 60))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert states == []
    assert one.rates().calls == 0


async def test_probe_that_hangs_reopens_it_without_another_call() -> None:
    one, states = breaker(
        time.monotonic, failure_threshold=1, reset_timeout="10ms", half_open_timeout="30ms"
    )
    with pytest.raises(ConnectionError):
        await one.call(failing_later)
    await asyncio.sleep(0.02)
    hanging = asyncio.create_task(one.call(asyncio.sleep, 60))

    await eventually(lambda: states == ["open", "half_open", "open"])

    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)


def test_ignored_errors_are_the_callers_own() -> None:
    one, states = breaker(failure_threshold=1, ignore=(ValueError,))

    with pytest.raises(ValueError, match="bad card"), one:
        raise ValueError("bad card")

    assert states == []
    assert one.rates().error_rate == 0.0


def test_threads_agree_on_the_count_of_failures() -> None:
    one, states = breaker(failure_threshold=200)

    def fail(_: int) -> None:
        with pytest.raises(ConnectionError):
            one.call_sync(failing)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(fail, range(199)))
    assert one.failure_count == 199
    fail(0)

    assert states == ["open"]


def test_operator_can_force_it_open_disable_it_and_close_it() -> None:
    one, states = breaker()
    one.force_open("maintenance")
    with pytest.raises(BreakerOpen):
        one.call_sync(print)
    one.disable()
    one.call_sync(len, "")
    one.close()
    one.close()

    assert states == ["forced_open", "disabled", "closed"]


async def test_every_change_is_published_with_its_figures(
    make_bus: MakeBus, topic_events: Callable[[str], Awaitable[list[Event]]]
) -> None:
    bus, clock = make_bus("payment-service"), Clock()
    one = CircuitBreaker("provider", bus=bus, failure_threshold=2, clock=clock, report_every="0s")
    await bus.start()

    def slowly_failing() -> None:
        clock.now += 0.25
        failing()

    async with one:
        clock.now += 0.25
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await one.call(slowly_failing)

    async def changes() -> list[Any]:
        events = await topic_events("system-events")
        return [e.payload for e in events if e.event_type == "CircuitBreakerStateChanged"]

    await eventually(changes)
    assert await changes() == [
        {
            "name": "provider",
            "service": "payment-service",
            "instance": bus.instance,
            "from": "closed",
            "to": "open",
            "failureCount": 2,
            "failureThreshold": 2,
            "resetTimeoutMs": 60000,
            "halfOpenTimeoutMs": 30000,
            "errorRate": 0.666667,
            "latencyMs": 250.0,
            "throughput": 3.0,
            "reason": "2 failures in a row: ConnectionError",
            "rejectedCount": 0,
        }
    ]


class Book:
    """A bus that only keeps what is reported, with the hooks of one that starts and stops."""

    source, instance = "payment-service", "payment-1"

    def __init__(self) -> None:
        self.told: list[BreakerChange] = []
        self.hooks: list[tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]] = []

    def report(self, event_type: str, payload: Any) -> None:
        assert event_type == "CircuitBreakerStateChanged"
        self.told.append(payload)

    def attach(
        self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
    ) -> None:
        self.hooks.append((start, stop))

    def words(self) -> list[tuple[str, str, int]]:
        return [(one.from_, one.to, one.rejected_count) for one in self.told]


async def test_it_tells_how_it_stands_at_the_start_and_what_it_refused_at_the_end() -> None:
    book, changes = Book(), []
    one = CircuitBreaker("provider", bus=book, clock=Clock(), on_change=changes.append)
    (start, stop) = book.hooks[0]
    await start()
    await eventually(lambda: book.told, 60)

    one.force_open()
    for _ in range(3):
        with pytest.raises(BreakerOpen):
            one.call_sync(len, "")
    await stop()

    assert book.words() == [
        ("closed", "closed", 0),
        ("closed", "forced_open", 0),
        ("forced_open", "forced_open", 3),
    ]
    assert [one.to for one in changes] == ["forced_open"], "how it stands is no change"


async def test_it_tells_again_and_again_while_the_bus_runs() -> None:
    book = Book()
    CircuitBreaker("provider", bus=book, report_every="10ms")
    (start, stop) = book.hooks[0]
    await start()
    await eventually(lambda: len(book.told) >= 3, 60)
    await stop()

    count = len(book.told)
    await asyncio.sleep(0.05)
    assert len(book.told) == count


def test_where_nothing_runs_it_tells_when_it_is_called() -> None:
    book, clock = Book(), Clock()
    one = CircuitBreaker("provider", bus=book, clock=clock, failure_threshold=1)
    one.call_sync(len, "")
    with pytest.raises(ConnectionError):
        one.call_sync(failing)
    for _ in range(4):
        clock.now += 10
        with pytest.raises(BreakerOpen):
            one.call_sync(len, "")

    assert book.words() == [("closed", "closed", 0), ("closed", "open", 0), ("open", "open", 3)]


def test_a_breaker_that_tells_only_its_changes() -> None:
    book = Book()
    one = CircuitBreaker("provider", bus=book, report_every="0s")
    one.call_sync(len, "")
    one.force_open()

    assert (book.words(), book.hooks) == ([("closed", "forced_open", 0)], [])


def test_change_is_the_contracts_payload() -> None:
    one = CircuitBreaker("provider", failure_threshold=1, on_change=(seen := []).append)
    one.force_open()

    names = set(msgspec.to_builtins(seen[0]))

    assert names == {
        *("name", "service", "instance", "from", "to", "failureCount", "failureThreshold"),
        *("resetTimeoutMs", "halfOpenTimeoutMs", "errorRate", "latencyMs", "throughput", "reason"),
        "rejectedCount",
    }


@pytest.mark.parametrize("threshold", [0, -1])
def test_threshold_below_one_is_refused(threshold: int) -> None:
    with pytest.raises(ValueError, match="failure_threshold"):
        CircuitBreaker("provider", failure_threshold=threshold)


def test_window_slides_and_forgets() -> None:
    window = Window(seconds=60, slots=30)
    for second in range(10):
        window.record(float(second), failed=second < 5, seconds=0.1)

    assert window.rates(10.0) == Rates(10, 0.5, pytest.approx(100.0), 1.0)
    assert window.rates(65.0).calls == 4
    assert window.rates(200.0) == Rates(0, 0.0, 0.0, 0.0)
