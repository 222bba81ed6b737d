"""Health checks: what each answer means, and what is published."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from eventscope import CheckResult, Event, HealthReporter
from eventscope.health import worst
from tests.eventscope.conftest import MakeBus, eventually

Topic = Callable[[str], Awaitable[list[Event]]]


@pytest.fixture
def reporter(make_bus: MakeBus) -> HealthReporter:
    return HealthReporter(make_bus("order-service"), interval="1h", timeout="60s")


@pytest.fixture
def hasty(make_bus: MakeBus) -> HealthReporter:
    return HealthReporter(make_bus("order-service"), interval="1h", timeout="100ms")


def fail() -> None:
    raise ConnectionError("refused")


@pytest.mark.parametrize(
    ("answer", "status", "output"),
    [
        (lambda: None, "healthy", ""),
        (lambda: True, "healthy", ""),
        (lambda: False, "unhealthy", ""),
        (lambda: "degraded", "degraded", ""),
        (lambda: CheckResult("degraded", "2 of 3 replicas"), "degraded", "2 of 3 replicas"),
        (fail, "unhealthy", "ConnectionError: refused"),
        (lambda: 7, "unhealthy", "TypeError: a check returned int, not a status"),
    ],
)
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_answer_of_a_check_is_a_status(
    reporter: HealthReporter, answer: Callable[[], Any], status: str, output: str, kind: str
) -> None:
    async def later() -> Any:
        return answer()

    reporter.check("database", "ping")(later if kind == "async" else answer)

    (report,) = await reporter.check_all()

    assert report.status == status
    assert (report.checks[0].name, report.checks[0].output) == ("ping", output)


async def test_check_without_answer_is_unhealthy(hasty: HealthReporter) -> None:
    @hasty.check("database")
    async def hang() -> None:
        await asyncio.sleep(3600)

    (report,) = await hasty.check_all()

    assert report.status == "unhealthy"
    assert report.checks[0].output == "no answer within 100ms"
    assert 100 <= report.latency_ms < 60_000


async def test_checks_own_timeout_is_told_apart(reporter: HealthReporter) -> None:
    @reporter.check("database")
    async def give_up() -> None:
        raise TimeoutError("pool is empty")

    (report,) = await reporter.check_all()

    assert report.checks[0].output == "TimeoutError: pool is empty"


async def test_check_that_hangs_in_a_thread_is_not_begun_again(hasty: HealthReporter) -> None:
    gate, begun = threading.Event(), []

    @hasty.check("database")
    def hang() -> None:
        begun.append(1)
        gate.wait(60)

    (first,) = await hasty.check_all()
    (second,) = await hasty.check_all()
    gate.set()
    await eventually(lambda: not hasty._running)
    hasty._timeout = 60
    (third,) = await hasty.check_all()

    assert first.checks[0].output == "no answer within 100ms"
    assert second.checks[0].output == "the last look at it has not ended yet"
    assert third.status == "healthy"
    assert len(begun) == 2


async def test_component_is_as_well_as_its_worst_check(reporter: HealthReporter) -> None:
    reporter.check("database", "ping")(lambda: True)
    reporter.check("database", "replicas")(lambda: "degraded")
    reporter.check("cache", "ping")(lambda: True)

    database, cache = await reporter.check_all()

    assert (database.component, database.status) == ("database", "degraded")
    assert [check.name for check in database.checks] == ["ping", "replicas"]
    assert (cache.component, cache.status) == ("cache", "healthy")
    assert worst([]) == "healthy"


async def test_reports_are_published_every_interval(make_bus: MakeBus, topic_events: Topic) -> None:
    bus = make_bus("order-service")
    health = HealthReporter(bus, interval="30ms", timeout="1s")
    health.check("event-bus", "ping")(bus.is_healthy)
    await bus.start()

    async def reports() -> list[Any]:
        events = await topic_events("system-events")
        return [event.payload for event in events if event.event_type == "HealthCheck"]

    async def enough() -> bool:
        return len(await reports()) >= 3

    await eventually(enough)
    await bus.stop()
    first = (await reports())[0]

    assert first.pop("latencyMs") == first["checks"][0].pop("latencyMs")
    assert first == {
        "component": "event-bus",
        "service": "order-service",
        "instance": bus.instance,
        "status": "healthy",
        "checks": [{"name": "ping", "status": "healthy", "output": ""}],
    }
