"""The guide's load balancer."""

from __future__ import annotations

import asyncio

import pytest

from eventscope.loadbalancing import (
    BalancerSettings,
    LoadBalancer,
    NoInstance,
    check_instances,
    watch_instances,
)
from tests.eventscope.conftest import eventually


def balancer(**settings: object) -> LoadBalancer:
    return LoadBalancer(["a", "b", "c"], BalancerSettings.of(**settings))  # type: ignore[arg-type]


def test_instances_take_turns() -> None:
    one = balancer()

    assert [one.pick() for _ in range(5)] == ["a", "b", "c", "a", "b"]


def test_session_stays_with_its_instance() -> None:
    one = balancer()
    first = one.pick("alice")
    one.pick()

    assert [one.pick("alice") for _ in range(3)] == [first] * 3


def test_session_does_not_stick_when_it_is_not_asked_to() -> None:
    one = balancer(sticky_sessions=False)

    assert [one.pick("alice") for _ in range(3)] == ["a", "b", "c"]


def test_instance_is_left_out_after_three_failed_checks_and_back_after_one_good() -> None:
    one = balancer()
    for _ in range(2):
        one.observe("a", healthy=False)
    before = one.pick()
    one.observe("a", healthy=False)
    without = [one.pick() for _ in range(4)]
    one.observe("a", healthy=True)

    assert before == "a"
    assert without == ["b", "c", "b", "c"]
    assert one.pick() == "a"


def test_session_of_an_unhealthy_instance_moves_and_stays_there() -> None:
    one = balancer(unhealthy_threshold=1)
    assert one.pick("alice") == "a"
    one.observe("a", healthy=False)
    moved = one.pick("alice")
    one.observe("a", healthy=True)

    assert moved == "b"
    assert one.pick("alice") == "b"


def test_full_instances_are_passed_over_until_a_connection_ends() -> None:
    one = balancer(max_connections=1)
    assert [one.pick() for _ in range(3)] == ["a", "b", "c"]

    with pytest.raises(NoInstance):
        one.pick()
    one.release("b")
    assert one.pick() == "b"


def test_remembered_sessions_are_bounded() -> None:
    one = balancer(max_sessions=2)
    for name in ("alice", "bob", "carol"):
        one.pick(name)

    one.pick()
    assert [one.pick("carol"), one.pick("bob")] == ["c", "b"]
    assert one.pick("alice") == "b"


def test_instances_come_and_go() -> None:
    one = balancer()
    one.remove("a")
    one.add("d")

    assert [one.pick() for _ in range(3)] == ["b", "c", "d"]
    one.release("a")
    one.observe("a", healthy=False)


async def test_probes_decide_who_is_healthy() -> None:
    one = balancer(unhealthy_threshold=1, timeout="30ms")

    async def probe(name: str) -> bool:
        if name == "a":
            raise ConnectionError
        if name == "b":
            await asyncio.sleep(60)
        return name != "d"

    one.add("d")
    await check_instances(one, probe)

    assert [view.name for view in one.instances() if view.healthy] == ["c"]


async def test_instances_are_checked_every_interval() -> None:
    one, looks = balancer(interval="10ms", unhealthy_threshold=3), []

    async def probe(name: str) -> bool:
        looks.append(name)
        return False

    watching = asyncio.create_task(watch_instances(one, probe))
    await eventually(lambda: not any(view.healthy for view in one.instances()))
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)

    assert looks[:9] == ["a", "b", "c"] * 3


def test_durations_are_written_as_in_the_guide() -> None:
    settings = BalancerSettings.of(interval="30s", timeout="5s")

    assert settings == BalancerSettings()


def test_unknown_strategy_is_refused() -> None:
    with pytest.raises(ValueError, match="least-magic: unknown strategy"):
        balancer(strategy="least-magic")
