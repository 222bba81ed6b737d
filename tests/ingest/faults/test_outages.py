"""Broker and database go away under a working worker; streams are trimmed; workers hand over."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from tests.ingest.faults.conftest import Host, options
from tests.ingest.faults.published import Published, publish
from tests.ingest.faults.test_kills import check
from tests.postgres import Postgres, missing_postgres
from tests.servers import Valkey

Lock = Callable[[], AbstractContextManager[None]]
LONG = bool(os.environ.get("EVENTSCOPE_LONG"))
GONE = 60.0 if LONG else 1.5


def until(done: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def stored(host: Host, run: str) -> int:
    rows = host.do("rows", prefix=run)["streams"]
    return sum(row["stored"] + row["undecoded"] for row in rows)


def total(published: Published) -> int:
    return sum(map(len, published.positions.values()))


@pytest.fixture
def workers(host: Host) -> Iterator[list[int]]:
    """Processes to be ended when the test is over, whatever happens."""
    running: list[int] = []
    yield running
    for child in running:
        host.do("end", child=child, number=signal.SIGKILL)


def both(first: Published, second: Published) -> Published:
    return Published(
        {
            topic: first.positions.get(topic, set()) | second.positions.get(topic, set())
            for topic in first.positions.keys() | second.positions.keys()
        },
        first.events + second.events,
        first.receipts + second.receipts,
        first.dead_letters | second.dead_letters,
        first.poison + second.poison,
    )


@pytest.mark.parametrize("crash", [True, False])
def test_broker_that_dies_and_comes_back_is_read_on(
    host: Host, own_broker: Valkey, workers: list[int], crash: bool
) -> None:
    run = f"restart{crash}"
    began = int(time.time()) * 1000 - 2000
    with own_broker.client() as client:
        first = publish(client, f"{run}-a", 200, random.Random(1))
    configuration = options(own_broker.url, run)
    workers.append(host.do("start", options=configuration, messages=0))
    until(lambda: stored(host, run) == total(first))

    (own_broker.kill if crash else own_broker.stop)()
    until(lambda: "ingest.broker_gone" in host.actions())
    time.sleep(GONE)
    own_broker.start()
    with own_broker.client() as client:
        second = publish(client, f"{run}-b", 200, random.Random(2))

    until(lambda: stored(host, run) == total(first) + total(second))
    check(host, run, both(first, second), began)
    assert "ingest.broker_back" in host.actions()
    assert host.do("end", child=workers.pop(), number=signal.SIGTERM) == 0


def test_locked_database_is_waited_for_with_one_line_in_the_log(
    host: Host, valkey: Valkey, workers: list[int]
) -> None:
    run, began = "locked", int(time.time()) * 1000 - 2000
    configuration = options(valkey.url, run)
    with sqlite3.connect(host.folder / "events.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with valkey.client() as client:
            published = publish(client, run, 300, random.Random(3))
        workers.append(host.do("start", options=configuration, messages=0))
        until(lambda: "ingest.database_waiting" in host.actions())
        time.sleep(1)
        assert host.actions().count("ingest.database_waiting") == 1
        other.execute("ROLLBACK")
    other.close()

    until(lambda: stored(host, run) == total(published))
    check(host, run, published, began)
    assert "ingest.database_back" in host.actions()


def test_full_disk_is_waited_for_and_nothing_is_lost(tmp_path: Path, valkey: Valkey) -> None:
    """The data folder is a small tmpfs, filled to the brim."""
    folder = tmp_path / "data"
    folder.mkdir()
    if not _mounted(folder):
        pytest.skip("mounting a small tmpfs needs root")
    host, ballast = Host(folder, log=tmp_path / "errors.log"), folder / "ballast"
    try:
        run, began = "full", int(time.time()) * 1000 - 2000
        with valkey.client() as client:
            published = publish(client, run, 1500, random.Random(4))
        _fill(ballast)
        child = host.do("start", options=options(valkey.url, run), messages=0)
        until(lambda: "ingest.database_waiting" in host.actions())
        ballast.unlink()

        until(lambda: stored(host, run) == total(published))
        check(host, run, published, began)
        assert host.do("end", child=child, number=signal.SIGTERM) == 0
    finally:
        host.close()
        subprocess.run(["umount", "-l", folder], check=True)


def _mounted(folder: Path) -> bool:
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "eventscope-test", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


def test_trimmed_stream_tells_the_exact_number_lost(host: Host, valkey: Valkey) -> None:
    run = "trimmed"
    configuration = options(valkey.url, run)
    with valkey.client() as client:
        for number in range(100):
            client.xadd(f"{run}-orders", {"event": f'{{"eventType":"A","eventId":"{number}"}}'})
        assert host.do("live", options=configuration, messages=100, kill=None) == 0
        for number in range(250):
            client.xadd(f"{run}-orders", {"event": f'{{"eventType":"A","eventId":"b{number}"}}'})
        client.xtrim(f"{run}-orders", maxlen=40, approximate=False)
        assert host.do("live", options=configuration, messages=140, kill=None) == 0

    rows = host.do("rows", prefix=run)
    assert [(row["stored"], row["lost"], row["lag"]) for row in rows["streams"]] == [(140, 210, 0)]
    assert rows["gaps"] == [210]


def test_second_worker_waits_and_takes_over_when_the_lease_has_run_out(
    host: Host, valkey: Valkey, workers: list[int]
) -> None:
    """The first is frozen, not killed: it wakes when the other owns the stream, and is fenced."""
    run, began = "handover", int(time.time()) * 1000 - 2000
    configuration = options(valkey.url, run, lease="1s")
    with valkey.client() as client:
        first = publish(client, f"{run}-a", 50, random.Random(5))
        frozen = host.do("start", options=configuration, messages=0)
        workers.append(frozen)
        until(lambda: stored(host, run) == total(first))
        owners = _owners(host, run)
        os.kill(frozen, signal.SIGSTOP)
        workers.append(host.do("start", options=configuration, messages=0))
        second = publish(client, f"{run}-a", 200, random.Random(6))
        everything = both(first, second)
        until(lambda: stored(host, run) == total(everything))
        assert not owners & _owners(host, run)
        os.kill(frozen, signal.SIGCONT)
        third = publish(client, f"{run}-a", 200, random.Random(7))

    everything = both(everything, third)
    until(lambda: stored(host, run) >= total(everything))
    time.sleep(0.5)
    check(host, run, everything, began)


def _owners(host: Host, run: str) -> set[str]:
    return {row["owner"] for row in host.do("rows", prefix=run)["streams"]} - {""}


def test_two_workers_share_the_streams_fairly(
    host: Host, valkey: Valkey, workers: list[int]
) -> None:
    run = "share"
    configuration = options(valkey.url, run, lease="600ms")
    with valkey.client() as client:
        published = publish(client, run, 100, random.Random(8))
    workers.append(host.do("start", options=configuration, messages=0))
    until(lambda: stored(host, run) == total(published))
    workers.append(host.do("start", options=configuration, messages=0))

    def shared() -> bool:
        owners = [row["owner"] for row in host.do("rows", prefix=run)["streams"]]
        return sorted(owners.count(owner) for owner in set(owners) - {""}) == [2, 3]

    until(shared)


def test_stopping_worker_gives_its_streams_to_the_other_at_once(
    host: Host, valkey: Valkey, workers: list[int]
) -> None:
    run = "stopping"
    configuration = options(valkey.url, run, lease="30s")
    with valkey.client() as client:
        published = publish(client, run, 100, random.Random(9))
    leaving = host.do("start", options=configuration, messages=0)
    until(lambda: stored(host, run) == total(published))

    assert host.do("end", child=leaving, number=signal.SIGTERM) == 0
    assert _owners(host, run) == set()


def test_a_new_topic_is_picked_up_while_the_worker_runs(
    host: Host, valkey: Valkey, workers: list[int]
) -> None:
    run = "discovered"
    configuration = options(valkey.url, run, discovery="1s", lease="10s")
    workers.append(host.do("start", options=configuration, messages=0))
    time.sleep(0.5)
    with valkey.client() as client:
        client.xadd(f"{run}-new", {"event": '{"eventType":"A","eventId":"1"}'})

    until(lambda: stored(host, run) == 1)


def test_a_flood_of_types_ends_in_overflow(host: Host, valkey: Valkey) -> None:
    """Scaled: 3,000 types against room for 200 series."""
    run, began = "flood", int(time.time()) * 1000 - 2000
    configuration = options(valkey.url, run, series=200, batch_events=1000)
    with valkey.client() as client:
        pipe = client.pipeline(transaction=False)
        for number in range(3000):
            pipe.xadd(f"{run}-t", {"event": f'{{"eventType":"T{number}","eventId":"{number}"}}'})
        pipe.execute()

    assert host.do("live", options=configuration, messages=3000, kill=None) == 0

    counts = host.do(
        "counts", prefix=run, topics=["__overflow__"], since_ms=began, until_ms=began + 60_000
    )
    rows = host.do("rows", prefix=run)
    assert rows["series"] <= 200
    assert counts["published"]["__overflow__|__overflow__"] == 3000 - rows["series"]
    assert sum(len(ids) for ids in host.do("positions", prefix=run).values()) == 3000


def publish_large(client: redis.Redis, topic: str, count: int) -> None:
    """20 kB each."""
    filling = b"x" * 20_000
    for begin in range(0, count, 500):
        pipe = client.pipeline(transaction=False)
        for number in range(begin, min(begin + 500, count)):
            body = b'{"eventType":"A","eventId":"%d","payload":"%s"}' % (number, filling)
            pipe.xadd(topic, {b"event": body})
        pipe.execute()


@contextmanager
def locked_sqlite(folder: Path, _: str) -> Iterator[None]:
    with sqlite3.connect(folder / "events.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    other.close()


@contextmanager
def locked_postgres(_: Path, url: str) -> Iterator[None]:
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE eventscope_events.ingest_stream IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def lockable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Host, Lock]]:
    """A host, and who locks its database out."""
    if request.param == "sqlite":
        host = Host(tmp_path)
        yield host, lambda: locked_sqlite(host.folder, "")
    else:
        if missing_postgres():
            pytest.skip(f"PostgreSQL: {missing_postgres()}")
        server = Postgres().start()
        host = Host(tmp_path, DATABASE_URL=server.url)
        yield host, lambda: locked_postgres(host.folder, server.url)
    host.close()
    if request.param == "postgres":
        server.stop()


def test_while_the_database_is_locked_a_backlog_stays_at_the_broker(
    lockable: tuple[Host, Lock], valkey: Valkey
) -> None:
    """100 MB wait; the worker holds its queue's worth, then stores each message once."""
    host, locked = lockable
    run = "blocked"
    configuration = options(valkey.url, run, batch_events=10_000, lease="5s")
    child = host.do("start", options=configuration, messages=0)
    with valkey.client() as client:
        publish_large(client, f"{run}-orders", 10)
        until(lambda: stored(host, run) == 10)
        with locked():
            publish_large(client, f"{run}-orders", 5000)
            time.sleep(4)  # longer than it takes to read it all
        until(lambda: stored(host, run) == 5010)
        client.flushall()

    assert host.do("end", child=child, number=signal.SIGTERM) == 0
    positions = host.do("positions", prefix=run)
    assert [len(set(map(tuple, each))) for each in positions.values()] == [5010]
    assert host.do("peak_megabytes") < 200


def test_worker_keeps_within_its_memory_on_a_large_backlog(host: Host, valkey: Valkey) -> None:
    """100 MB of bodies wait; the worker's peak stays under the 200 MB of the issue."""
    run = "memory"
    with valkey.client() as client:
        publish_large(client, f"{run}-orders", 5000)
        configuration = options(valkey.url, run, batch_events=10_000, lease="10s")
        assert host.do("live", options=configuration, messages=5000, kill=None) == 0
        client.flushall()

    assert host.do("peak_megabytes") < 200
