"""A whole Eventscope of its own: broker, ingest, monitor and web as processes over one fresh folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import redis

from tests.servers import Valkey, free_port

__all__ = ["PASSWORD", "House", "event"]

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
PREPARE = """
import django; django.setup()
from django.core.management import call_command
for alias in ("default", "events"):
    call_command("migrate", verbosity=0, database=alias)
from dashboard.accounts.links import ensure_admin, issue_sign_in_link
print(issue_sign_in_link(ensure_admin()))
"""


class House:
    """Start with `start`, end with `stop`; web and monitor can be ended and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.valkey = Valkey(folder)
        self.link = ""
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> House:
        self.valkey.start()
        self.link = self._run("-c", PREPARE).strip().splitlines()[-1]
        self._start("ingest", "manage.py", "ingest")
        self.start_monitor()
        self.start_web()
        return self

    def mend(self) -> None:
        """Start what a test has ended and not started again."""
        if "monitor" not in self._processes:
            self.start_monitor()
        if "web" not in self._processes:
            self.start_web()

    def start_monitor(self) -> None:
        self._start("monitor", "manage.py", "monitor")

    def kill_monitor(self) -> None:
        self._end("monitor", kill=True)

    def start_web(self) -> None:
        where = ("-b", "127.0.0.1", "-p", str(self.port))
        self._start("web", "-m", "daphne", *where, "config.asgi:application")
        self._until_it_answers()

    def kill_web(self) -> None:
        self._end("web", kill=True)

    def publish(self, *events: dict[str, Any], topic: str = "orders-topic") -> None:
        """In one go, however many they are."""
        with redis.Redis.from_url(self.valkey.url) as client, client.pipeline() as pipe:
            for each in events:
                pipe.xadd(topic, {"event": json.dumps(each)})
            pipe.execute()

    def run_python(self, code: str) -> str:
        """What ``code`` prints, run over this house's databases."""
        return self._run("-c", f"import django; django.setup()\n{code}")

    def stop(self) -> None:
        for name in list(self._processes):
            self._end(name)
        self.valkey.stop()

    def _environment(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
        return {
            **inherited,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "EVENTSCOPE_DATA": str(self.folder),
            "EVENTSCOPE_ADMIN_PASSWORD": PASSWORD,
            "REDIS_URL": self.valkey.url,
        }

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, *words],
                cwd=ROOT,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _end(self, name: str, *, kill: bool = False) -> None:
        process = self._processes.pop(name)
        (process.kill if kill else process.terminate)()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=60)

    def _until_it_answers(self) -> None:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=30):
                    return
            except OSError:
                assert time.monotonic() < deadline, (self.folder / "web.log").read_text()
                time.sleep(0.1)


def event(number: int, type: str = "ORDER_CREATED", **change: Any) -> dict[str, Any]:
    """An event in the guide's envelope, published now."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    metadata = {
        "source": "order-service",
        "version": "1.0",
        "correlationId": f"corr_{number}",
        **change.pop("metadata", {}),
    }
    return {
        "eventId": f"evt_{number}",
        "eventType": type,
        "timestamp": now,
        "payload": {"orderId": f"ORD_{number}"},
        "metadata": metadata,
        **change,
    }
