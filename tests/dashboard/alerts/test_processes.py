"""Alerts over real processes: races between people, and evaluation killed at any moment."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.alerts.processes import PROGRAM, ask, migrate, start

STEPS = ("pending", "firing", "resolved", "reopened")


def test_of_several_people_at_once_exactly_one_is_first(tmp_path: Path) -> None:
    migrate(tmp_path)
    assert ask(tmp_path, "make") == 1
    people = {name: start(tmp_path, "-m", PROGRAM, "acknowledge", name) for name in "abcd"}
    for process in people.values():
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in people.values():
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = {name: process.communicate(timeout=120)[0].strip() for name, process in people.items()}

    winners = [name for name, words in said.items() if words.startswith("[true")]
    assert len(winners) == 1
    assert {words.split('"')[1] for words in said.values()} == set(winners)
    (episode,) = ask(tmp_path, "check")
    assert episode["kinds"] == ["pending", "acknowledged"]


@pytest.mark.kill
def test_evaluation_killed_at_any_moment_keeps_every_episode_right(tmp_path: Path) -> None:
    """Each run goes on from what the killed one left; states and timelines tell the same story."""
    migrate(tmp_path)
    chance = random.Random(20261124)
    for _ in range(8):
        process = start(tmp_path, "-m", PROGRAM, "evaluate")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.05, 0.6))
        process.kill()
        process.communicate(timeout=60)
        check_story(ask(tmp_path, "check"))

    episodes = ask(tmp_path, "check")
    assert sum(episode["kinds"].count("resolved") for episode in episodes) > 10


def check_story(episodes: list[dict[str, Any]]) -> None:
    open_ones = [one["subject"] for one in episodes if one["state"] != "resolved"]
    assert len(open_ones) == len(set(open_ones)), "one open episode a subject"
    for one in episodes:
        changes = [kind for kind in one["kinds"] if kind in STEPS]
        again = changes.count("reopened")
        expected = ["pending", "firing", *["resolved", "pending", "reopened"] * again, "resolved"]
        ended = one["state"] == "resolved"
        if one["state"] == "pending":
            assert changes == ["pending"], one
        else:
            assert changes == (expected if ended else expected[:-1]), one
        assert one["reopened"] == again, one
        assert (one["fired_ms"] is not None) == (one["state"] != "pending")
        assert (one["resolved_ms"] is not None) == ended
