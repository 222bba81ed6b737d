"""A large job goes on through everything that can go away under it, on a real PostgreSQL.

Monitor is killed, the broker is restarted, PostgreSQL is restarted and crashes, at seeded moments of the
sending. (A broker that crashes may itself lose what it took within the last second or two.) The long mode (``EVENTSCOPE_LONG``) has 100,000 letters, sent as fast as they go.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dashboard.recovery.test_kills import begin
from tests.ingest.faults.conftest import ROOT, Host
from tests.postgres import Postgres, missing_postgres
from tests.servers import Valkey

LONG = bool(os.environ.get("EVENTSCOPE_LONG"))
LETTERS, RATE, SECONDS = (100_000, None, 400) if LONG else (4_000, 400.0, 150)
SPARED = 50
OUTAGES = ("monitor", "broker", "database", "crash") * (2 if LONG else 1)
TOPIC = "jobs-outages"
PAGE = 5_000

pytestmark = [
    pytest.mark.kill,
    pytest.mark.postgres,
    pytest.mark.timeout(SECONDS + 150),
    pytest.mark.skipif(bool(missing_postgres()), reason=f"PostgreSQL: {missing_postgres()}"),
]


class Site:
    """Monitor as people start it, its broker and its database; each can go away."""

    def __init__(self, folder: Path) -> None:
        self.postgres = Postgres().start()
        self.valkey = Valkey(folder).start()
        urls = {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.valkey.url}
        self.host = Host(folder, module="tests.dashboard.recovery.host", **urls)
        self.log = (folder / "monitor.log").open("a+")
        self.monitor = self._monitor()

    def strike(self, outage: str) -> None:
        if outage == "monitor":
            self._kill_monitor()
            self.monitor = self._monitor()
        elif outage == "broker":
            self.valkey.stop()
            self.valkey.start()
        else:
            self.postgres.restart(crash=outage == "crash")

    def close(self) -> None:
        self._kill_monitor()
        self.host.close()
        self.valkey.stop()
        self.postgres.stop()
        self.log.close()

    def _monitor(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", "monitor"]
        return subprocess.Popen(
            command, cwd=ROOT, env=self.host.environment, stdout=self.log, stderr=self.log
        )

    def _kill_monitor(self) -> None:
        self.monitor.kill()
        self.monitor.wait(timeout=60)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def until(done: Callable[[], bool], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def appended(server: Valkey) -> int:
    with server.client() as client:
        return int(client.xlen(TOPIC)) - 1


def sent(server: Valkey) -> Counter[str]:
    """How often each event was appended; read by pages, as one reply would be large."""
    found: Counter[str] = Counter()
    after = "-"
    with server.client() as client:
        while entries := client.xrange(TOPIC, min=after, count=PAGE):
            found.update(json.loads(fields[b"event"]).get("eventId", "") for _, fields in entries)
            after = f"({entries[-1][0].decode()}"
    del found[""]
    return found


def test_a_large_job_sends_what_was_selected_once_through_kills_and_outages(site: Site) -> None:
    rng = random.Random(5)
    begin(site.valkey, TOPIC)
    job = site.host.do("fill", topic=TOPIC, letters=LETTERS, spared=SPARED, rate=RATE)
    moments = sorted(rng.uniform(0.05, 0.6) * LETTERS for _ in OUTAGES)

    struck_at = []
    for moment, outage in zip(moments, rng.sample(OUTAGES, len(OUTAGES)), strict=True):
        until(lambda moment=moment: appended(site.valkey) >= moment)  # type: ignore[misc]
        struck_at.append(appended(site.valkey))
        site.strike(outage)
    until(lambda: site.host.do("state", job=job) == "settling")

    assert max(struck_at) < LETTERS, "the job was over before everything had gone away once"
    assert sent(site.valkey) == Counter(f"{TOPIC}-{number}" for number in range(LETTERS))
    assert site.host.do("states", job=job) == {"published": LETTERS}
