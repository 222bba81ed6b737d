"""Real servers for the tests: started by us, ended by us, by process id."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import redis

from dashboard.embedded import embedded_broker_command, wait_for_broker

__all__ = ["Valkey", "free_port"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


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
        self.process.wait(timeout=20)
        self.process = None
