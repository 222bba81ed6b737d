"""A worker is killed between ClickHouse and the checkpoint, and what it reads again is cut elsewhere."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ingest.options import StoreOptions
from ingest.records import Batch, Position, Slice, StreamRef
from ingest.store.base import EventFilter
from ingest.store.clickhouse.store import ClickHouseEventStore
from tests.clickhouse import ClickHouse, missing_clickhouse
from tests.ingest.faults.conftest import Host, options
from tests.ingest.faults.killing import CLICKHOUSE_POINTS, choose
from tests.ingest.faults.published import publish
from tests.ingest.faults.test_kills import check
from tests.ingest.store.factories import START, make_record
from tests.servers import Valkey

LONG = bool(os.environ.get("EVENTSCOPE_LONG"))
RUNS = 100 if LONG else 10
EVENTS = 300
MOST_KILLS = 4
LAST_PART = "SELECT path FROM system.parts WHERE active AND database || '.' || table = '{}' ORDER BY max_block_number DESC LIMIT 1"

pytestmark = [pytest.mark.kill, pytest.mark.clickhouse]
ends: list[int] = []


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[ClickHouse]:
    reason = missing_clickhouse()
    if reason:
        pytest.skip(f"ClickHouse: {reason}")
    server = ClickHouse().start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def clickhouse_host(
    clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    made = Host(
        tmp_path_factory.mktemp("clickhouse"),
        CLICKHOUSE_URL=f"{clickhouse.address}/killed",
        EVENTSCOPE_TEST_LIFE="120",
    )
    yield made
    made.close()


@pytest.mark.parametrize("seed", range(RUNS))
def test_worker_killed_between_clickhouse_and_the_checkpoint_stores_each_event_once(
    clickhouse: ClickHouse, clickhouse_host: Host, valkey_server: Valkey, seed: int
) -> None:
    rng, run, host = random.Random(seed), f"twice{seed}", clickhouse_host
    client = valkey_server.client()
    began = int(time.time()) * 1000 - 2000
    published = publish(client, run, EVENTS, rng)
    messages = sum(map(len, published.positions.values()))

    def configuration() -> dict[str, Any]:
        made = options(valkey_server.url, run, batch_events=rng.choice([7, 33, 60, 200]))
        made["limits"]["series"] = 40 * RUNS
        return made | {"store": {"url": f"{clickhouse.address}/killed"}}

    for _ in range(rng.randint(2, MOST_KILLS)):
        point = list(choose(rng, CLICKHOUSE_POINTS))
        ends.append(host.do("live", options=configuration(), messages=messages, kill=point))
    assert host.do("live", options=configuration(), messages=messages, kill=None) == 0

    check(host, run, published, began)
    ids = rng.sample(sorted(host.do("ids", prefix=run)), 20)
    assert host.do("found", values=ids) == dict.fromkeys(ids, 1)
    client.delete(*published.positions)
    client.close()


def test_clickhouse_that_crashes_is_waited_for_and_loses_nothing(
    clickhouse: ClickHouse, clickhouse_host: Host, valkey_server: Valkey
) -> None:
    rng, run, host = random.Random(1), "crash", clickhouse_host
    client = valkey_server.client()
    began = int(time.time()) * 1000 - 2000
    published = publish(client, run, EVENTS, rng)
    messages = sum(map(len, published.positions.values()))
    configuration = options(valkey_server.url, run, batch_events=5, series=40 * RUNS)
    configuration["store"] = {"url": f"{clickhouse.address}/killed", "connect_timeout": "1s"}
    child = host.do("start", options=configuration, messages=0)

    wait_until(lambda: stored(host, run) > 20)
    clickhouse.kill()
    time.sleep(1)
    clickhouse.start()
    wait_until(lambda: stored(host, run) == messages)

    assert host.do("end", child=child, number=signal.SIGTERM) == 0
    check(host, run, published, began)
    client.delete(*published.positions)
    client.close()


@pytest.mark.parametrize("window", [0, 1000])
def test_insert_that_a_crash_took_back_is_made_when_it_is_tried_again(
    clickhouse: ClickHouse, window: int
) -> None:
    """A server that remembers inserts (a window) writes down that it has one before it has."""
    store = ClickHouseEventStore(
        StoreOptions(url=f"{clickhouse.address}/taken_back{window}"), reading=5
    )
    stream, records = (
        StreamRef(1, "main", "orders-topic", 0, False),
        list(map(make_record, range(20))),
    )
    assert store.missing_tables() == []
    events, keys = map(store.engine.table, ("events", "keys"))
    for table in (events, keys):
        store.engine.run(
            f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = {window}"
        )
        store.engine.run(f"SYSTEM STOP MERGES {table}")
    for some in (records[:10], records[10:]):
        store.stage(Batch([Slice(stream, Position(0, 0), some[-1].position, some, [])], START))

    last = store.engine.rows(LAST_PART.format(events))[0][0]
    clickhouse.kill()
    shutil.rmtree(last)
    clickhouse.start()
    store.stage(
        Batch([Slice(stream, Position(0, 0), records[-1].position, records[10:], [])], START)
    )

    found = store.scan(EventFilter(), newest_first=False).events
    assert [event.position for event in found] == [record.position for record in records]
    store.close()


def stored(host: Host, run: str) -> int:
    streams = host.do("rows", prefix=run)["streams"]
    return sum(row["stored"] + row["undecoded"] for row in streams)


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 150
    while not reached():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.1)


def test_most_of_the_kills_did_happen() -> None:
    """A kill point that is never reached proves nothing."""
    if len(ends) >= RUNS:
        assert ends.count(-9) > len(ends) / 4
