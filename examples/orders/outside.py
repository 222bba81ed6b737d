"""One instance in a process of its own, so that it can really be killed while its peers live on."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from examples.orders.assembly import Options
from examples.orders.control import Control

__all__ = ["OutsideInstance", "parent_is_gone"]

log = logging.getLogger("examples.orders")

LOOK_EVERY = 0.5
GRACE = 1.5
AGAIN_AFTER = 5.0


class OutsideInstance:
    """Keeps ``python -m examples.orders instance`` running, except while the fault is on."""

    def __init__(self, words: list[str], options: Options, control: Control) -> None:
        self._words = words
        self._places = {"REDIS_URL": options.url, "SHOP_BROKER": options.broker}
        self._control = control
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def run(self) -> None:
        """Until cancelled: start it, kill it, start it again, as the switch says."""
        while True:
            dead = self._control.on("dead-instance")
            if dead and self.pid is not None:
                await self._kill()
            elif not dead and self.pid is None:
                await self._start()
            await asyncio.sleep(LOOK_EVERY)

    async def stop(self) -> None:
        """Ask it to end; kill what has not ended within the grace."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(GRACE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _start(self) -> None:
        if self._process is not None and not self._was_killed():
            log.warning("%s ended with %s", self._words, self._process.returncode)
            await asyncio.sleep(AGAIN_AFTER)
        command = [sys.executable, "-m", "examples.orders", *self._words]
        # The places may hold passwords, so they do not stand among the words.
        environment = {**os.environ, **self._places}
        self._process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=asyncio.subprocess.DEVNULL
        )

    async def _kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        log.warning("%s is dead", " ".join(self._words[-2:]))

    def _was_killed(self) -> bool:
        return self._process is not None and self._process.returncode == -signal.SIGKILL


async def parent_is_gone(parent: int) -> None:
    """Return when this process has another parent than ``parent``: nobody would stop it."""
    while os.getppid() == parent:
        await asyncio.sleep(LOOK_EVERY)
