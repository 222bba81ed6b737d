"""The worker host and a broker of the fault tests' own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Valkey

ROOT = Path(__file__).resolve().parents[3]


class Host:
    """Commands to a host module such as `tests.ingest.faults.host`, on databases in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        log: Path | None = None,
        module: str = "tests.ingest.faults.host",
        **environ: str,
    ) -> None:
        self.folder = folder
        self.log_file = log or folder / "errors.log"
        self.errors = self.log_file.open("w+")
        environment = os.environ | {
            "EVENTSCOPE_DATA": str(folder),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "EVENTSCOPE_LOG": "json",
        }
        for name in ("EVENTSCOPE_CONFIG", "DATABASE_URL", "CLICKHOUSE_URL", "REDIS_URL"):
            environment.pop(name, None)
        self.environment = environment | environ
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self.do("migrate")

    def do(self, command: str, **arguments: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the host died:\n{self.log()[-4000:]}"
        return json.loads(answer)

    def log(self) -> str:
        self.errors.flush()
        return self.log_file.read_text()

    def actions(self) -> list[str]:
        """The constant ``action`` of every line logged so far."""
        whole = self.log().rpartition("\n")[0]
        lines = (line for line in whole.splitlines() if line.startswith("{"))
        return [json.loads(line).get("action", "") for line in lines]

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()
        self.errors.close()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    made = Host(tmp_path_factory.mktemp("ingest"))
    yield made
    made.close()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Valkey]:
    """A broker that the test may kill."""
    server = Valkey(tmp_path).start()
    yield server
    server.stop()


def options(url: str, run: str, **limits: Any) -> dict[str, Any]:
    """Configuration of a worker that sees the topics of one run, in small batches."""
    small = {"batch_events": 60, "linger": "5ms", "lease": "200ms", "discovery": "500ms"}
    return {
        "brokers": {
            "main": {"url": url, "topics": [f"{run}-*"], "dead_letter_topics": [f"{run}-failed"]}
        },
        "limits": small | limits,
    }
