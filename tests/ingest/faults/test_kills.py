"""A worker is killed again and again, at every step: nothing is missing, nothing counts twice."""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import pytest

from tests.ingest.faults.conftest import Host, options
from tests.ingest.faults.killing import choose
from tests.ingest.faults.published import Published, publish
from tests.servers import Valkey

LONG = bool(os.environ.get("EVENTSCOPE_LONG"))
RUNS = 500 if LONG else 50
EVENTS = 300
MOST_KILLS = 3
SERIES = 40 * RUNS
"""All runs share one database, and each has topics and consumers of its own, so series of its own."""

pytestmark = pytest.mark.kill
ends: list[int] = []


@pytest.mark.parametrize("seed", range(RUNS))
def test_killed_worker_repeats_batch_without_counting_twice(
    host: Host, valkey_server: Valkey, seed: int
) -> None:
    rng = random.Random(seed)
    run = f"kill{seed}"
    client = valkey_server.client()
    began = int(time.time()) * 1000 - 2000
    published = publish(client, run, EVENTS, rng)
    messages = sum(map(len, published.positions.values()))
    configuration = options(valkey_server.url, run, series=SERIES)

    for _ in range(rng.randint(1, MOST_KILLS)):
        point = list(choose(rng))
        ends.append(host.do("live", options=configuration, messages=messages, kill=point))
    assert host.do("live", options=configuration, messages=messages, kill=None) == 0

    check(host, run, published, began)
    client.delete(*published.positions)
    client.close()


def test_most_of_the_kills_did_happen() -> None:
    """A kill point that is never reached proves nothing."""
    if len(ends) >= RUNS:
        assert ends.count(-9) > len(ends) / 2


def check(host: Host, run: str, published: Published, began: int) -> None:
    """The stored positions are those published, and every count is a recount's."""
    stored = host.do("positions", prefix=run)
    for topic, ids in published.positions.items():
        found = Counter(stored.get(topic, ()))
        differs = {
            "missing": set(ids) - set(found),
            "twice": {one for one in found if found[one] > 1},
        }
        assert differs == {"missing": set(), "twice": set()}, topic
    assert {topic: sorted(ids) for topic, ids in stored.items()} == {
        topic: sorted(ids) for topic, ids in published.positions.items()
    }
    rows = host.do("rows", prefix=run)
    assert sum(row["undecoded"] for row in rows["streams"]) == published.poison
    assert sum(row["lost"] for row in rows["streams"]) == 0
    assert rows["traced"] == sum(published.events.values())
    topics = sorted({topic for topic, _ in published.events})
    counts = host.do(
        "counts", prefix=run, topics=topics, since_ms=began, until_ms=int(time.time()) * 1000 + 2000
    )
    assert counts["published"] == _flat(published.events)
    assert counts["handled"] == _flat(published.receipts)
    assert rows["dead_letters"] == sorted(published.dead_letters)


def _flat(counts: Counter[tuple[str, str]]) -> dict[str, int]:
    return {"|".join(names): count for names, count in counts.items()}
