"""What runs beside a measurement: a broker of its own, a worker that stores, a process that fills the broker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["ingesting", "prepared", "stored"]

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60


@contextmanager
def prepared(folder: Path) -> Iterator[Any]:
    """Django over an empty store in ``folder``; the broker that its settings name."""
    from tests.servers import Valkey

    valkey = Valkey(folder).start()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "EVENTSCOPE_DATA": str(folder / "data"),
        "EVENTSCOPE_LOG_LEVEL": "error",
        "REDIS_URL": valkey.url,
    }
    import django

    django.setup()
    try:
        yield valkey
    finally:
        valkey.stop()


@contextmanager
def ingesting(valkey: Any) -> Iterator[None]:
    """An ingest worker, as ``up`` starts it, drains the broker, which is refilled all the time; it stores by now."""
    from dashboard.management.commands.up import YIELDING
    from dashboard.supervisor import settle_child

    before = stored()
    beside = [
        _start(
            "manage.py",
            "ingest",
            start_new_session=True,
            preexec_fn=partial(settle_child, YIELDING),
        ),
        _start("-m", "benchmarks._filler", valkey.url, start_new_session=True),
    ]
    try:
        deadline = time.monotonic() + PATIENCE_S
        while stored() == before:
            if time.monotonic() > deadline:
                raise RuntimeError("the worker beside the measurement stores nothing")
            time.sleep(0.2)
        yield
    finally:
        for process in beside:
            process.terminate()
        for process in beside:
            process.wait(timeout=30)


def stored() -> int:
    """Messages that ingest has stored so far."""
    from ingest.models import Stream

    return sum(Stream.objects.values_list("stored", flat=True))


def _start(*words: str, **more: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.DEVNULL, **more)
