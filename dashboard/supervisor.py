"""Keeps a handful of processes running: one log, restarts with back-off, a clean stop in order.

The pure part (`next_delay`) decides; `Supervisor` does. Children run in sessions of their own, so
that Ctrl-C reaches the supervisor alone, and are ended by the kernel if the supervisor is killed.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from eventscope.ending import end
from eventscope.waiting import is_set_within

__all__ = ["Service", "Supervisor", "describe_exit", "next_delay", "settle_child"]

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
STEADY = 30.0
LINE_LIMIT = 1 << 20
PR_SET_PDEATHSIG = 1


@dataclass
class Service:
    """One process to keep running.

    ``grace`` is the seconds it may take to stop. Services of a higher ``stage`` are stopped before
    those of a lower one; those of one stage together. A ``niceness`` above 0 gives way to the others
    where there is not enough processor for all.
    """

    name: str
    command: list[str]
    stage: int = 0
    grace: float = 4.0
    environment: Mapping[str, str] = field(default_factory=dict)
    niceness: int = 0


def next_delay(previous: float, *, lived: float) -> float:
    """Seconds to wait before a restart: doubled each time, from the start again after a steady run."""
    if lived >= STEADY or previous == 0:
        return FIRST_DELAY
    return min(previous * 2, LONGEST_DELAY)


class Supervisor:
    """Starts services in the order given and stops them stage by stage, the highest first."""

    def __init__(
        self, services: list[Service], *, write: Callable[[str], None], root: Path
    ) -> None:
        self.services = services
        self._write = write
        self._root = root
        self._width = max(len(service.name) for service in services)
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    def say(self, name: str, line: str) -> None:
        """One line of the one log."""
        self._write(f"{name:<{self._width}} │ {line}")

    async def start(self, service: Service) -> None:
        """Start ``service`` and keep it running until `stop`."""
        await self._spawn(service)
        self._keepers[service.name] = asyncio.create_task(self._keep(service))

    async def wait(self) -> None:
        """Until `request_stop`."""
        await self._stopping.wait()

    def pid(self, name: str) -> int:
        """The process id of a service that was started. Raises KeyError for others."""
        return self._running[name].pid

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def request_stop(self) -> None:
        self._stopping.set()

    async def stop(self) -> None:
        """End all, highest stage first; what outlives its grace is killed, and said."""
        self._stopping.set()
        for stage in sorted({service.stage for service in self.services}, reverse=True):
            ending = [self._end(service) for service in self.services if service.stage == stage]
            await asyncio.gather(*ending)
        await end(self._keepers.values())

    async def _keep(self, service: Service) -> None:
        delay = 0.0
        while True:
            began = time.monotonic()
            code = await self._follow(service)
            if self._stopping.is_set():
                return
            delay = next_delay(delay, lived=time.monotonic() - began)
            self.say(service.name, f"ended with {describe_exit(code)}; again in {delay:g} s")
            if await is_set_within(self._stopping, delay):
                return
            await self._spawn(service)

    async def _spawn(self, service: Service) -> None:
        self._running[service.name] = await asyncio.create_subprocess_exec(
            *service.command,
            cwd=self._root,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **service.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(settle_child, service.niceness),
            limit=LINE_LIMIT,
        )

    async def _follow(self, service: Service) -> int:
        process = self._running[service.name]
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                self.say(service.name, "(a line longer than 1 MiB was left out)")
                continue
            if not line:
                return await process.wait()
            self.say(service.name, line.decode("utf-8", "replace").rstrip())

    async def _end(self, service: Service) -> None:
        process = self._running.get(service.name)
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(service.grace):
                await process.wait()
        except TimeoutError:
            self.say(service.name, f"did not stop within {service.grace:g} s; killed")
            process.kill()
            await process.wait()


def describe_exit(code: int) -> str:
    """``-9`` as "signal SIGKILL", ``1`` as "exit code 1"."""
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def settle_child(niceness: int) -> None:
    """What a child does before it becomes its program, in the session of its own."""
    if sys.platform == "linux":
        _die_with_parent()
    if niceness:
        os.nice(niceness)
        _renice_session(niceness)


def _renice_session(niceness: int) -> None:
    """Where the kernel shares out processor time by session, the session is what must give way (sched(7))."""
    try:
        Path("/proc/self/autogroup").write_text(str(niceness))
    except OSError:
        return


def _die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the supervisor dies (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
