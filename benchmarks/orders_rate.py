"""How many events a second the shop of `examples.orders` publishes on one core.

One process holds every service; published events of all topics are counted at the broker, in the
middle of the run. Receipts travel many to an event and are counted as the events they travel in.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import redis

from tests.servers import Valkey

TOPICS = ("orders-topic", "payments-topic", "notifications-topic", "system-events")
WARM_UP = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="a line of JSON a figure")
    parser.add_argument("--long", action="store_true", help="a minute instead of 15 s")
    parser.add_argument("--rate", type=float, default=2500.0, help="events a second asked for")
    options = parser.parse_args()
    for row in measure(options.rate, seconds=60.0 if options.long else 15.0):
        print(
            json.dumps(row) if options.json else f"{row['name']:<52} {row['value']} {row['unit']}"
        )


def measure(rate: float, *, seconds: float) -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        server = Valkey(Path(folder)).start()
        try:
            return _measure(server, rate, seconds)
        finally:
            server.stop()


def _measure(server: Valkey, rate: float, seconds: float) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "examples.orders", "--steady", "--calm", "--instances", "1"]
    environment = {**os.environ, "REDIS_URL": server.url}
    shop = subprocess.Popen(
        [*command, "--rate", str(rate)], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        with server.client() as client:
            time.sleep(WARM_UP)
            before, cpu, began = _published(client), _cpu_seconds(shop.pid), time.monotonic()
            time.sleep(seconds)
            after, elapsed = _published(client), time.monotonic() - began
            used = _cpu_seconds(shop.pid) - cpu
            behind = _behind(client)
    finally:
        shop.send_signal(signal.SIGINT)
        shop.wait(timeout=20)
    domain = sum(after[topic] - before[topic] for topic in TOPICS[:3]) / elapsed
    return [
        _row(
            "orders demo: events published a second",
            sum(after.values()) - sum(before.values()),
            elapsed,
        ),
        {"name": "orders demo: of them domain events", "value": round(domain), "unit": "/s"},
        {"name": "orders demo: share of one core", "value": round(used / elapsed, 2), "unit": ""},
        {
            "name": "orders demo: entries not yet read at the end",
            "value": behind,
            "unit": "entries",
        },
    ]


def _row(name: str, count: int, elapsed: float) -> dict[str, object]:
    return {"name": name, "value": round(count / elapsed), "unit": "/s"}


def _published(client: redis.Redis) -> dict[str, int]:
    return {topic: client.xinfo_stream(topic)["entries-added"] for topic in TOPICS}


def _behind(client: redis.Redis) -> int:
    return sum(group["lag"] or 0 for topic in TOPICS[:2] for group in client.xinfo_groups(topic))


def _cpu_seconds(pid: int) -> float:
    """User and system time (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
