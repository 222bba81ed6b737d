"""The worker of jobs is killed at every step, and its broker restarted: each event goes back once."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.faults.conftest import Host
from tests.servers import Valkey

LONG = bool(os.environ.get("EVENTSCOPE_LONG"))
RUNS = 200 if LONG else 20
LETTERS, CHUNK = 230, 40
POINTS = {"gather": 6, "publish": 6, "append": 6, "note": 6, "count": 3}
MOST_KILLS = 3

pytestmark = pytest.mark.kill
ends: list[int] = []


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    made = Host(tmp_path_factory.mktemp("jobs"), module="tests.dashboard.recovery.host")
    yield made
    made.close()


def sent(server: Valkey, topic: str) -> Counter[str]:
    with server.client() as client:
        entries = client.xrange(topic)[1:]
    return Counter(json.loads(fields[b"event"])["eventId"] for _, fields in entries)


def begin(server: Valkey, topic: str) -> None:
    with server.client() as client:
        client.xadd(topic, {"event": b"{}"})


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_killed_job_sends_every_selected_event_once(
    host: Host, valkey_server: Valkey, seed: int
) -> None:
    rng = random.Random(seed)
    topic = f"jobs-{seed}"
    begin(valkey_server, topic)
    job = host.do("fill", topic=topic, letters=LETTERS)

    for _ in range(rng.randint(1, MOST_KILLS)):
        step = rng.choice(sorted(POINTS))
        kill = [step, rng.randint(1, POINTS[step]), rng.random() < 0.5]
        ends.append(host.do("live", url=valkey_server.url, job=job, chunk=CHUNK, kill=kill))
    assert host.do("live", url=valkey_server.url, job=job, chunk=CHUNK) == 0

    assert sent(valkey_server, topic) == Counter(f"{topic}-{n}" for n in range(LETTERS))
    assert host.do("states", job=job) == {"published": LETTERS}


def test_most_of_the_kills_did_happen() -> None:
    """A kill point that is never reached proves nothing."""
    if len(ends) >= RUNS:
        assert ends.count(-9) > len(ends) / 2


def test_a_broker_that_restarts_gets_every_event_once(host: Host, tmp_path: Path) -> None:
    server = Valkey(tmp_path).start()
    topic = "jobs-restart"
    begin(server, topic)
    job = host.do("fill", topic=topic, letters=LETTERS)
    kill = ["note", 2, True]
    assert host.do("live", url=server.url, job=job, chunk=CHUNK, kill=kill) == -9

    server.stop()
    server.start()
    assert host.do("live", url=server.url, job=job, chunk=CHUNK) == 0

    assert sent(server, topic) == Counter(f"{topic}-{n}" for n in range(LETTERS))
    server.stop()
