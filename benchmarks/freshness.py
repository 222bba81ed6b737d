"""From append to chart: how old an event is when the first tick that counts it reaches a browser.

    python -m benchmarks.freshness [--seconds 20] [--rate 2000] [--long] [--json]

Valkey, an ingest worker, monitor and one web process run as they do in earnest; this process appends
events in a batch each 10 ms and listens on one socket. An event counts as visible with the first tick
in which its second is known and has counted it, by the order of appending within the second.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psutil

from benchmarks import _workload
from benchmarks._figures import quantile, show
from benchmarks.hub import ROOT, SIGN_IN, Clients, _run

BATCH_S = 0.01
WARM_S = 4.0
SETTLE_S = 5.0


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder:
        for name, value, unit in _measure(Path(folder), options):
            show(name, value, unit, as_json=options.json)


def _measure(folder: Path, options: argparse.Namespace) -> list[tuple[str, float, str]]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from tests.servers import Valkey, free_port

    valkey = Valkey(folder).start()
    port = free_port()
    environment = {
        **os.environ,
        "EVENTSCOPE_DATA": str(folder),
        "EVENTSCOPE_LOG_LEVEL": "error",
        "REDIS_URL": valkey.url,
    }
    try:
        for alias in ("default", "events"):
            _run(environment, "manage.py", "migrate", "-v0", "--database", alias)
        cookie, channel = _run(environment, "-c", SIGN_IN).split()
        with _processes(environment, port) as web:
            client = Watcher(port, cookie, valkey.url, channel, psutil.Process(web.pid))
            return asyncio.run(client.watch(options.rate, options.seconds))
    finally:
        valkey.stop()


@contextlib.contextmanager
def _processes(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Ingest, monitor and web; the last of them is given out."""
    commands = (
        ("manage.py", "ingest"),
        ("manage.py", "monitor"),
        ("-m", "daphne", "-p", str(port), "config.asgi:application"),
    )
    started = [
        subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for words in commands
    ]
    try:
        yield started[-1]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(timeout=30)


class Watcher(Clients):
    """One socket, and what its ticks have counted so far of each second."""

    def __init__(self, port: int, cookie: str, url: str, channel: str, web: psutil.Process) -> None:
        super().__init__(port, cookie, url, channel, web)
        self._appended: defaultdict[int, list[int]] = defaultdict(list)
        self._ticks: list[tuple[int, bytes]] = []

    async def watch(self, rate: int, seconds: float) -> list[tuple[str, float, str]]:
        """Append for ``seconds``, wait for the last to be seen, and tell the ages in ms."""
        await self._until_it_listens()
        writer = await self._open()
        await self._append(rate, WARM_S)
        warm_until = time.time_ns() // 1_000_000
        await self._append(rate, seconds)
        await asyncio.sleep(SETTLE_S)
        writer.close()
        asked = [at for times in self._appended.values() for at in times if at >= warm_until]
        ages = sorted(age for at, age in self._ages() if at >= warm_until)
        return [
            ("freshness: events appended", len(asked) / seconds, "events/s"),
            ("freshness: events seen, of all", len(ages) / len(asked), ""),
            ("freshness: append to tick, p50", quantile(ages, 0.5), "ms"),
            ("freshness: append to tick, p99", quantile(ages, 0.99), "ms"),
            ("freshness: append to tick, slowest", quantile(ages, 1.0), "ms"),
        ]

    async def _append(self, rate: int, seconds: float) -> None:
        """A batch each 10 ms; its events' times are those that the broker gave their ids."""
        import redis.asyncio

        count = int(rate * (WARM_S + seconds)) + 1
        bodies = _workload.messages(count, seed=time.time_ns())
        events = ((topic, body) for topic, body in bodies if topic in _workload.TOPICS)
        began, sent = time.monotonic(), 0
        async with redis.asyncio.Redis.from_url(self.url) as broker:
            while (passed := time.monotonic() - began) < seconds:
                batch = broker.pipeline(transaction=False)
                due = int(passed * rate)
                for topic, body in islice(events, due - sent):
                    batch.xadd(topic, {"event": body})
                sent = max(sent, due)
                for id in await batch.execute():
                    at = int(id.split(b"-")[0])
                    self._appended[at // 1000 * 1000].append(at)
                await asyncio.sleep(BATCH_S)

    def _take(self, payload: bytes, arrived: int, writer: asyncio.StreamWriter) -> None:
        self._ticks.append((arrived // 1_000_000, payload))
        seq = json.loads(payload)["seq"]
        ack = b'{"ack":%d}' % seq
        writer.write(bytes([0x81, 0x80 | len(ack), 0, 0, 0, 0]) + ack)

    def _ages(self) -> Iterator[tuple[int, float]]:
        """(appended, ms until it was seen) of every event that was seen."""
        counted: defaultdict[int, int] = defaultdict(int)
        for arrived, payload in self._ticks:
            tick = json.loads(payload)
            published = tick["by"][""].get("", {}).get("p", [])
            for second, known, count in zip(tick["times"], tick["known"], published, strict=False):
                if not known:
                    continue
                times = sorted(self._appended.get(second, ()))
                yield from ((at, float(arrived - at)) for at in times[counted[second] : count])
                counted[second] = max(counted[second], count)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--long", action="store_true", help="120 seconds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.seconds = 120.0 if options.long else options.seconds
    return options


if __name__ == "__main__":
    main()
