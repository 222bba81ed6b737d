"""A real Celery worker over a real broker, in processes of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Valkey

Read = Callable[..., list[dict[str, Any]]]

SEND = """
import sys
from tests.eventscope.contrib.tasks import charge, reporter
charge.delay(sys.argv[1])
reporter.disconnect()
"""
ROOT = Path(__file__).parents[3]


@pytest.fixture
def environment(valkey: Valkey) -> dict[str, str]:
    return {**os.environ, "EVENTSCOPE_TEST_URL": valkey.url, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def worker(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with a pool of two processes."""
    arguments = "-A tests.eventscope.contrib.tasks worker -c 2 --without-mingle --without-gossip"
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", *arguments.split(), "--loglevel", "ERROR"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield process
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def send(mode: str, environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-c", SEND, mode], env=environment, cwd=ROOT, check=True, timeout=120
    )


def test_tasks_are_events_and_their_runs_receipts(
    worker: object, environment: dict[str, str], published: Read, receipts: Read
) -> None:
    for mode in ("work", "fail", "retry", "follow"):
        send(mode, environment)
    told = receipts(least=6)
    tasks = published("tasks", "shop.charge", least=4)
    (follow,) = published("tasks", "shop.follow")
    (letter,) = published("failed-events", "DeadLettered")

    ids = {task["payload"]["args"][0]: task["eventId"] for task in tasks}
    by_task: dict[str, list[dict[str, Any]]] = {mode: [] for mode in ids}
    for mode, task_id in ids.items():
        runs = [one for one in told if one["eventId"] == task_id]
        # Each process of the worker tells of its runs in its own time.
        by_task[mode] = sorted(runs, key=lambda one: one["attempt"])
    assert [(one["outcome"], one["attempt"]) for one in by_task["work"]] == [("success", 1)]
    assert [(one["outcome"], one["attempt"]) for one in by_task["retry"]] == [
        ("retry", 1),
        ("success", 2),
    ]
    (failed,) = by_task["fail"]
    assert (failed["outcome"], failed["error"]["message"]) == ("dead_lettered", "no such card")
    assert (failed["consumer"], failed["consumerGroup"], failed["maxAttempts"]) == (
        "shop-worker",
        "shop",
        2,
    )
    assert by_task["retry"][0]["error"]["type"] == "ConnectionError"

    assert letter["payload"]["event"]["eventId"] == ids["fail"]
    assert "ValueError" in letter["payload"]["error"]["stack"]
    assert letter["payload"]["originalTopic"] == "tasks"

    parent = next(task for task in tasks if task["eventId"] == ids["follow"])
    assert follow["metadata"]["causationId"] == ids["follow"]
    assert follow["metadata"]["correlationId"] == parent["metadata"]["correlationId"]


def test_a_task_sent_while_handling_an_event_belongs_to_its_story(
    valkey: Valkey, environment: dict[str, str], published: Read
) -> None:
    code = """
import sys
from eventscope.envelope import handling, new_event
from tests.eventscope.contrib.tasks import charge, reporter
with handling(new_event("ORDER_CREATED", source="shop", correlation_id="corr-5")) as _:
    charge.delay("later")
reporter.disconnect()
"""
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=True, timeout=120)

    (task,) = published("tasks", "shop.charge")
    assert task["metadata"]["correlationId"] == "corr-5"
    assert task["metadata"]["causationId"].startswith("evt_")
