"""Choosing an instance to call: the guide's load balancer.

`LoadBalancer` is a plain object without I/O or clock; `watch_instances` runs its health checks.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from eventscope.durations import parse_duration
from eventscope.errors import EventscopeError

__all__ = [
    "BalancerSettings",
    "InstanceView",
    "LoadBalancer",
    "NoInstance",
    "check_instances",
    "watch_instances",
]

Probe = Callable[[str], Awaitable[object]]


class NoInstance(EventscopeError):
    """Every instance is unhealthy or has as many connections as it may."""


@dataclass(frozen=True)
class BalancerSettings:
    """The guide's numbers. ``max_connections`` holds for each instance; durations in seconds."""

    strategy: str = "round-robin"
    interval: float = 30.0
    timeout: float = 5.0
    unhealthy_threshold: int = 3
    sticky_sessions: bool = True
    max_connections: int = 1000
    max_sessions: int = 100_000

    def __post_init__(self) -> None:
        if self.strategy != "round-robin":
            raise ValueError(f"{self.strategy}: unknown strategy; there is round-robin")

    @classmethod
    def of(
        cls, *, interval: str | float = "30s", timeout: str | float = "5s", **others: object
    ) -> BalancerSettings:
        """With durations as people write them."""
        seconds = {"interval": parse_duration(interval), "timeout": parse_duration(timeout)}
        return cls(**seconds, **others)  # type: ignore[arg-type]


class InstanceView(NamedTuple):
    name: str
    healthy: bool
    connections: int
    failed_checks: int


@dataclass
class _Instance:
    connections: int = 0
    failed_checks: int = 0


class LoadBalancer:
    """Round-robin over the healthy; a session stays with its instance while that is well.

    An instance is unhealthy after ``unhealthy_threshold`` failed checks in a row and healthy again
    after one that succeeds. Whoever calls `pick` calls `release` when the connection ends.
    """

    def __init__(self, instances: Sequence[str], settings: BalancerSettings | None = None) -> None:
        self.settings = settings or BalancerSettings()
        self._instances = {name: _Instance() for name in instances}
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._turn = 0

    def pick(self, session: str = "") -> str:
        """The instance for the next connection. Raises `NoInstance`."""
        known = self._sessions.get(session) if session else None
        if known is not None and self._can_take(known):
            self._sessions.move_to_end(session)
            return self._connect(known)
        chosen = self._next()
        if session and self.settings.sticky_sessions:
            self._remember(session, chosen)
        return self._connect(chosen)

    def release(self, name: str) -> None:
        instance = self._instances.get(name)
        if instance is not None:
            instance.connections = max(0, instance.connections - 1)

    def observe(self, name: str, *, healthy: bool) -> None:
        """Take in the result of a health check."""
        instance = self._instances.get(name)
        if instance is not None:
            instance.failed_checks = 0 if healthy else instance.failed_checks + 1

    def add(self, name: str) -> None:
        self._instances.setdefault(name, _Instance())

    def remove(self, name: str) -> None:
        self._instances.pop(name, None)

    def instances(self) -> list[InstanceView]:
        return [
            InstanceView(name, self._is_healthy(one), one.connections, one.failed_checks)
            for name, one in self._instances.items()
        ]

    def _next(self) -> str:
        names = list(self._instances)
        for step in range(len(names)):
            name = names[(self._turn + step) % len(names)]
            if self._can_take(name):
                self._turn = (self._turn + step + 1) % len(names)
                return name
        raise NoInstance

    def _can_take(self, name: str) -> bool:
        instance = self._instances.get(name)
        return (
            instance is not None
            and self._is_healthy(instance)
            and instance.connections < self.settings.max_connections
        )

    def _is_healthy(self, instance: _Instance) -> bool:
        return instance.failed_checks < self.settings.unhealthy_threshold

    def _connect(self, name: str) -> str:
        self._instances[name].connections += 1
        return name

    def _remember(self, session: str, name: str) -> None:
        self._sessions[session] = name
        self._sessions.move_to_end(session)
        while len(self._sessions) > self.settings.max_sessions:
            self._sessions.popitem(last=False)


async def watch_instances(balancer: LoadBalancer, probe: Probe) -> None:
    """Check every instance each ``interval``, until cancelled."""
    while True:
        await check_instances(balancer, probe)
        await asyncio.sleep(balancer.settings.interval)


async def check_instances(balancer: LoadBalancer, probe: Probe) -> None:
    """Check all at once: ``probe`` raises, returns False or takes too long for an unwell one."""
    names = [view.name for view in balancer.instances()]
    timeout = balancer.settings.timeout
    answers = await asyncio.gather(*(_is_well(probe, name, timeout) for name in names))
    for name, healthy in zip(names, answers, strict=True):
        balancer.observe(name, healthy=healthy)


async def _is_well(probe: Probe, name: str, timeout: float) -> bool:
    try:
        async with asyncio.timeout(timeout):
            return await probe(name) is not False
    except Exception:  # noqa: BLE001 - whatever a probe raises, its instance is not well
        return False
