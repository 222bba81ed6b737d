"""Who carries rules out is killed at every step: each step is done once for each letter all the same."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.ingest.faults.conftest import Host

RUNS = 100 if os.environ.get("EVENTSCOPE_LONG") else 12
LETTERS = 450
POINTS = {"arrived": 3, "fire": 9, "act": 9, "tell": 9, "place": 3}
MOST_KILLS = 4
ROUNDS = 12
"""Enough for all letters, at 40 a round."""

pytestmark = pytest.mark.kill
ends: list[int] = []


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    made = Host(tmp_path_factory.mktemp("rules"), module="tests.dashboard.recovery.host")
    yield made
    made.close()


@pytest.mark.parametrize("seed", range(RUNS))
def test_each_step_is_done_once_for_each_letter_whoever_is_killed(host: Host, seed: int) -> None:
    rng = random.Random(seed)
    topic = f"RULED_{seed}"
    rule = host.do("rule", topic=topic, letters=LETTERS)

    for _ in range(rng.randint(1, MOST_KILLS)):
        step = rng.choice(sorted(POINTS))
        kill = [step, rng.randint(1, POINTS[step]), rng.random() < 0.5]
        ends.append(host.do("rules", rounds=ROUNDS, kill=kill))
    assert host.do("rules", rounds=ROUNDS) == 0

    wanted = LETTERS // 3
    each = {"notify-admin": wanted, "log": wanted, "redrive": wanted}
    assert host.do("fired", topic=topic, rule=rule) == {
        "steps": each,
        "audited": each,
        "sent once": True,
        "wanted": wanted,
    }


def test_most_of_the_kills_did_happen() -> None:
    """A kill point that is never reached proves nothing."""
    if len(ends) >= RUNS:
        assert ends.count(-9) > len(ends) / 2
