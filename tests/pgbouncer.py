"""A PgBouncer of our own for the tests, configured by deploy/pgbouncer.ini but for places and accounts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from tests.postgres import NOBODY, USER, Postgres, identity
from tests.servers import free_port

__all__ = ["SHIPPED", "PgBouncer", "missing_pgbouncer"]

SHIPPED = Path(__file__).resolve().parents[1] / "deploy/pgbouncer.ini"


def missing_pgbouncer() -> str:
    return "" if shutil.which("pgbouncer") else "pgbouncer is not installed"


class PgBouncer:
    """Lends ``connections`` to all who ask, under another user where we are root, as it refuses root."""

    def __init__(self, postgres: Postgres, *, connections: int = 4, ready: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="eventscope-pgbouncer-"))
        self.port = free_port()
        self.url = f"postgres://{USER}@127.0.0.1:{self.port}/eventscope?pooler=transaction"
        text = SHIPPED.read_text()
        for shipped, ours in {
            "port=5432 dbname=eventscope": f"port={postgres.port} dbname=postgres user={USER}",
            "listen_port = 6432": f"listen_port = {self.port}",
            "auth_type = scram-sha-256": "auth_type = any",
            "auth_file = /etc/pgbouncer/userlist.txt": "",
            "default_pool_size = 20": f"default_pool_size = {connections}",
        }.items():
            assert shipped in text
            text = text.replace(shipped, ours)
        if not ready:
            text = text.replace(" connect_query=", "\n; connect_query=")
        self.settings = self.folder / "pgbouncer.ini"
        self.settings.write_text(text)

    def start(self) -> PgBouncer:
        if os.geteuid() == 0:
            shutil.chown(self.folder, NOBODY)
            shutil.chown(self.settings, NOBODY)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["pgbouncer", self.settings], stdout=log, stderr=log, cwd=self.folder, **identity()
            )
        self._wait()
        return self

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(self.url.partition("?")[0]) as connection:
                    connection.execute("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return
