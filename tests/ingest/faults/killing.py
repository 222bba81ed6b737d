"""Ends this very process with SIGKILL at a chosen moment of the pipeline. Test-side only."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.db import connections

import ingest.committing
import ingest.leases
import ingest.maintaining
from ingest.envelopes import Decoder
from ingest.sources.redis_streams import RedisStreams
from ingest.store.clickhouse.engine import Engine
from ingest.store.clickhouse.store import ClickHouseEventStore
from ingest.store.sql import SqlEventStore

__all__ = ["CLICKHOUSE_POINTS", "KILL_POINTS", "Countdown", "KillPoint", "arm", "choose"]


class KillPoint(NamedTuple):
    """Die ``before`` or after the ``number``-th call of ``step``."""

    step: str
    number: int
    before: bool


# step → how often it happens, at most, in one life of a worker in these tests
KILL_POINTS = {
    "claim": 2,
    "read": 12,
    "decode": 40,
    "advance": 15,
    "append": 15,
    "folds": 15,
    "commit": 30,
    "sql": 400,
    "maintain": 8,
    "maintain-sql": 60,
    "maintain-commit": 8,
    "release": 1,
}


CLICKHOUSE_POINTS = {"stage": 8, "insert": 16, "advance": 8, "folds": 8, "commit": 12, "sql": 120}
"""Between the writing of events and of keys, and between both and the checkpoint."""


def choose(rng: random.Random, points: Mapping[str, int] = KILL_POINTS) -> KillPoint:
    step = rng.choice(sorted(points))
    most = points[step]
    number = rng.randint(1, max(1, round(most * rng.random())))
    return KillPoint(step, number, rng.random() < 0.5)


def arm(point: KillPoint) -> None:
    """Wrap the step by name; nothing in the product knows of it."""
    places: dict[str, tuple[Any, str]] = {
        "claim": (ingest.leases, "claim_streams"),
        "read": (RedisStreams, "read"),
        "decode": (Decoder, "decode_all"),
        "advance": (ingest.leases, "advance"),
        "append": (SqlEventStore, "append"),
        "stage": (ClickHouseEventStore, "stage"),
        "insert": (Engine, "insert"),
        "folds": (ingest.committing, "apply_folds"),
        "maintain": (ingest.maintaining.Maintenance, "_run"),
        "release": (ingest.leases, "release_streams"),
    }
    counter = Countdown(point)
    if point.step in places:
        owner, name = places[point.step]
        setattr(owner, name, counter.wrap(getattr(owner, name)))
    else:
        _arm_database(point, counter)


def _arm_database(point: KillPoint, counter: Countdown) -> None:
    """Statements and commits on the events database: all of them, or those of maintenance only."""
    from ingest.maintaining import Maintenance

    connection = connections["events"]
    merging = [False]
    inner = Maintenance._run

    def marked(self: Any, *args: Any, **kwargs: Any) -> None:
        merging[0] = True
        try:
            inner(self, *args, **kwargs)
        finally:
            merging[0] = False

    Maintenance._run = marked  # type: ignore[method-assign]
    wanted = (lambda: merging[0]) if point.step.startswith("maintain") else (lambda: True)
    if point.step.endswith("sql"):

        def execute(run: Callable[..., Any], *args: Any) -> Any:
            return counter.wrap(run)(*args) if wanted() else run(*args)

        connection.execute_wrappers.append(execute)
        return
    commit = connection._commit

    def counted() -> Any:
        return counter.wrap(commit)() if wanted() else commit()

    connection._commit = counted


class Countdown:
    """Ends the process at the moment that the point names."""

    def __init__(self, point: KillPoint) -> None:
        self._point = point
        self._left = point.number

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0 and self._point.before:
                os.kill(os.getpid(), signal.SIGKILL)
            done = function(*args, **kwargs)
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return run
