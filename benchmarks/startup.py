"""How long a second ``manage.py up --demo`` takes until the page is there.

    python -m benchmarks.startup [--times 3] [--long] [--json]

The first start makes the databases and is not told. Of each later one: until `/healthz` answers, until
the overview has been read by whoever followed the printed link, and the CPU time that `up` and the web
process had spent by then. The quickest start is told: the others have met with what else the machine does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

import psutil

from benchmarks._figures import show
from tests.system.running import System

WITHIN = 90.0
LOOK_EVERY = 0.01


class Start(NamedTuple):
    """Seconds since the command was given, and CPU seconds spent until the overview was read."""

    healthy: float
    page: float
    up_cpu: float
    web_cpu: float


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder:
        _start(Path(folder))
        starts = [_start(Path(folder)) for _ in range(options.times)]
    for name, values in (
        ("until /healthz answers", [start.healthy for start in starts]),
        ("until the signed-in overview is read", [start.page for start in starts]),
        ("CPU of `up` until then", [start.up_cpu for start in starts]),
        ("CPU of the web process until then", [start.web_cpu for start in starts]),
    ):
        show(f"second start: {name}", min(values), "s", as_json=options.json)


def _start(folder: Path) -> Start:
    """Start once, look at the overview, stop."""
    began = time.monotonic()
    system = System(folder, "--demo").start()
    try:
        _wait_until_healthy(system, began + WITHIN)
        healthy = time.monotonic() - began
        assert "<h1>Overview</h1>" in system.sign_in()
        page = time.monotonic() - began
        up, web = psutil.Process(system.process.pid), psutil.Process(system.child("daphne"))
        return Start(healthy, page, _cpu(up), _cpu(web))
    finally:
        system.stop()


def _wait_until_healthy(system: System, deadline: float) -> None:
    while True:
        try:
            system.get("/healthz")
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_EVERY)
        else:
            return


def _cpu(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--long", action="store_true", help="ten times")
    parser.add_argument("--json", action="store_true", help="a line of JSON a figure")
    options = parser.parse_args()
    options.times = 10 if options.long else options.times
    return options


if __name__ == "__main__":
    main()
