"""A ClickHouse of our own for the tests: the engine from the wheel among the test requirements, behind HTTP."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import msgspec

from tests.servers import free_port

if TYPE_CHECKING:
    from ingest.options import IngestOptions, StoreOptions

__all__ = ["ClickHouse", "drop_tables", "missing_clickhouse"]

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = 120


def missing_clickhouse() -> str:
    """Why the engine cannot run here; "" if it can."""
    return "" if importlib.util.find_spec("chdb") else "the wheel chdb-core is not installed"


def drop_tables(options: StoreOptions) -> None:
    """Of the store of ``options``; the next use of another makes them anew."""
    from ingest.store.clickhouse.engine import Engine

    engine = Engine(options, reading=0)
    engine.run(f"DROP DATABASE IF EXISTS {engine.database}")
    engine.close()


class ClickHouse:
    """A process of its own on a folder of its own; it can be killed and started again with its data."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="eventscope-clickhouse-"))
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> ClickHouse:
        command = [sys.executable, "-m", "tests.clickhouse_server", self.folder, str(self.port)]
        with (self.folder.with_suffix(".log")).open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self.folder.with_suffix(".log").read_text())
            time.sleep(0.1)
        return self

    def emptied(self, options: IngestOptions) -> IngestOptions:
        """``options`` with this server as the place of events, of which it has none."""
        from ingest.options import StoreOptions

        store = StoreOptions(url=f"{self.address}/events_of_tests")
        drop_tables(store)
        return msgspec.structs.replace(options, store=store)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End it and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.with_suffix(".log").unlink(missing_ok=True)

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.address}/ping", timeout=5) as response:
                return bool(response.status == 200)
        except (URLError, OSError):
            return False
