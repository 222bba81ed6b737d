"""Real servers for the tests: started by us, ended by us, by process id."""

from __future__ import annotations

import os
import random
import socket
import subprocess
from itertools import cycle
from pathlib import Path

import redis

from dashboard.embedded import embedded_broker_command, wait_for_broker

__all__ = ["Valkey", "free_port"]

# Below those that the kernel gives to outgoing connections (from 32768 on): one of these would
# else be taken by somebody between our asking and the server's binding, or while it is ended.
FIRST, LAST = 12_000, 32_000


def _candidates() -> range:
    """Another thousand for each worker of the suite; anywhere for a run of its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    spread = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid())))
    begin = spread.randrange(FIRST, LAST - 8_000, 100) + 1_000 * (int(worker[2:] or 0) % 8)
    return range(begin, begin + 1_000)


_ports = cycle(_candidates())


def free_port() -> int:
    """Asked for again it is another one: a server that is ended finds its own port free."""
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("a cycle has no end")


class Valkey:
    """A valkey-server of our own that can be killed and started again with its data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Valkey:
        command = embedded_broker_command(folder=self.folder, port=self.port)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for_broker(self.port)
        return self

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=30)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(kill=True)

    def stop(self) -> None:
        self._end(kill=False)

    def _end(self, *, kill: bool) -> None:
        if self.process is None:
            return
        (self.process.kill if kill else self.process.terminate)()
        self.process.wait(timeout=60)
        self.process = None
