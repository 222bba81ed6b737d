"""The notifier is killed between any two writes: nothing is lost, and nobody has what nobody took."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.dashboard.notifying.host import story
from tests.dashboard.notifying.servers import HttpSide, http_side
from tests.ingest.faults.conftest import Host
from tests.postgres import Postgres, missing_postgres

RUNS = {"sqlite": 200, "postgresql": 25}
if os.environ.get("EVENTSCOPE_LONG"):
    RUNS = dict.fromkeys(RUNS, 1000)
MOST = {"sql": 60, "commit": 20, "send": 5}
"""Step → how often it happens, about, in one life."""

pytestmark = pytest.mark.kill
ends: dict[str, list[int]] = {database: [] for database in RUNS}


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with _host(tmp_path_factory) as made:
        yield made


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A server of its own, found as `manage.py` finds it: each half in its schema."""
    if missing_postgres():
        pytest.skip(f"PostgreSQL: {missing_postgres()}")
    server = Postgres().start()
    try:
        with _host(tmp_path_factory, DATABASE_URL=server.url) as made:
            yield made
    finally:
        server.stop()


@contextmanager
def _host(folders: pytest.TempPathFactory, **environ: str) -> Iterator[Host]:
    folder = folders.mktemp("notifying")
    made = Host(folder, module="tests.dashboard.notifying.host", **environ)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def side() -> Iterator[HttpSide]:
    with http_side() as side:
        yield side


@pytest.mark.parametrize("seed", range(RUNS["sqlite"]))
def test_killed_between_any_two_writes_everybody_is_told_all_the_same(
    on_sqlite: Host, side: HttpSide, seed: int
) -> None:
    play(on_sqlite, side, seed, ends["sqlite"])


@pytest.mark.parametrize("seed", range(RUNS["postgresql"]))
def test_on_postgresql_too_everybody_is_told_all_the_same(
    on_postgresql: Host, side: HttpSide, seed: int
) -> None:
    play(on_postgresql, side, seed, ends["postgresql"])


def play(host: Host, side: HttpSide, seed: int, mine: list[int]) -> None:
    """A story without a kill, then the same with kills: both leave the same."""
    assert host.do("live", seed=seed, url=side.url) == [0, len(story(seed))]
    expected = host.do("left")
    side.received.clear()

    chance = random.Random(seed)
    reached = 0
    for _ in range(chance.randint(1, 3)):
        ended, reached = host.do(
            "live", seed=seed, url=side.url, begin=reached, kill=choose(chance)
        )
        mine.append(ended)
        if ended == 0:
            break
    if mine[-1] != 0:
        assert host.do("live", seed=seed, url=side.url, begin=reached)[0] == 0

    check(host.do("left"), expected, side, story(seed)[-2][1])


def choose(chance: random.Random) -> list[Any]:
    step = chance.choice(sorted(MOST))
    return [
        step,
        chance.randint(1, max(1, round(MOST[step] * chance.random()))),
        chance.random() < 0.5,
    ]


def check(
    found: dict[str, Any], expected: dict[str, Any], side: HttpSide, states: dict[int, str]
) -> None:
    assert told(found) == told(expected)
    assert found["alerts"] == expected["alerts"]
    assert found["logs"] == expected["logs"] == 0
    assert {message["state"] for message in found["messages"]} <= {"sent"}
    assert found["notified"] == expected["notified"]

    arrived: dict[str, list[bytes]] = {}
    for came in side.received:
        arrived.setdefault(came.json["id"], []).append(came.body)
    assert set(arrived) == {message["uid"] for message in found["messages"]}
    assert all(len(set(bodies)) == 1 for bodies in arrived.values()), "repeated as it was"
    threads = {(message["receiver"], message["thread"]) for message in found["messages"]}
    for receiver, thread in threads:
        written = [
            message["uid"]
            for message in found["messages"]
            if (message["receiver"], message["thread"]) == (receiver, thread)
        ]
        assert [uid for uid in arrived if uid in written] == written, "in order"

    assert [(one["pk"], one["state"], one["acknowledged_by"]) for one in found["episodes"]] == [
        (id, state, "") for id, state in states.items() if state != "none"
    ]


def told(found: dict[str, Any]) -> list[tuple[str, ...]]:
    keys = ("receiver", "reason", "thread", "title")
    return [tuple(message[key] for key in keys) for message in found["messages"]]


def test_most_of_the_kills_did_happen() -> None:
    """A kill point that is never reached proves nothing."""
    for database, found in ends.items():
        if len(found) >= RUNS[database]:
            assert found.count(-9) > len(found) / 2, database
