"""Health reports folded into the latest word of each instance."""

from __future__ import annotations

import pytest

from ingest.folds.health import (
    ComponentKey,
    ComponentState,
    HealthSample,
    fold_health,
    map_status,
    samples_of,
)
from ingest.system import HealthReport, NamedCheck
from tests.ingest.folds.factories import START, make_record

DB = ComponentKey("database", "orders", "orders-1")


def state(status: str, *, since: int, seen: int, failures: int = 0) -> ComponentState:
    return ComponentState(status, since, seen, None, failures, ())


def told(*results: tuple[int, str]) -> list[HealthSample]:
    return [HealthSample(DB, at, status) for at, status in results]


@pytest.mark.parametrize(
    ("before", "results", "after"),
    [
        (None, [(10, "healthy")], state("healthy", since=10, seen=10)),
        (None, [(10, "unhealthy")], state("unhealthy", since=10, seen=10, failures=1)),
        (
            state("healthy", since=5, seen=9),
            [(10, "healthy"), (20, "healthy")],
            state("healthy", since=5, seen=20),
        ),
        (
            state("unhealthy", since=5, seen=9, failures=2),
            [(10, "unhealthy")],
            state("unhealthy", since=5, seen=10, failures=3),
        ),
        (
            state("unhealthy", since=5, seen=9, failures=2),
            [(10, "degraded"), (11, "unhealthy")],
            state("unhealthy", since=11, seen=11, failures=4),
        ),
        (
            state("unhealthy", since=5, seen=9, failures=2),
            [(10, "healthy")],
            state("healthy", since=10, seen=10),
        ),
        (
            None,
            [(30, "healthy"), (10, "unhealthy"), (20, "unhealthy")],
            state("healthy", since=30, seen=30),
        ),
    ],
)
def test_the_latest_word_counts_failures_in_a_row(
    before: ComponentState | None, results: list[tuple[int, str]], after: ComponentState
) -> None:
    assert fold_health({DB: before} if before else {}, told(*results)) == {DB: after}


def test_a_late_result_changes_nothing() -> None:
    assert fold_health({DB: state("healthy", since=5, seen=50)}, told((40, "unhealthy"))) == {}


def test_instances_are_told_apart() -> None:
    other = DB._replace(instance="orders-2")

    found = fold_health({}, [HealthSample(DB, 1, "healthy"), HealthSample(other, 2, "degraded")])

    assert {key: after.status for key, after in found.items()} == {
        DB: "healthy",
        other: "degraded",
    }


@pytest.mark.parametrize(
    ("told_status", "expected"),
    [
        ("healthy", "healthy"),
        (" UP ", "healthy"),
        ("ok", "healthy"),
        ("passing", "healthy"),
        ("warn", "degraded"),
        ("DOWN", "unhealthy"),
        ("critical", "unhealthy"),
        ("banana", "unhealthy"),
        ("", "unhealthy"),
    ],
)
def test_statuses_of_others_are_mapped(told_status: str, expected: str) -> None:
    status, note = map_status(told_status)

    assert status == expected
    assert bool(note) == (told_status in ("banana", ""))


def test_what_nobody_can_read_says_so_among_the_checks() -> None:
    report = HealthReport(
        "database",
        "banana",
        latency_ms=float("inf"),
        checks=[NamedCheck("disk\x00", "ok", 1.5, "x" * 900)],
    )

    (sample,) = samples_of([make_record(detail=report), make_record()])

    assert (sample.status, sample.latency_ms, sample.at_ms) == ("unhealthy", None, START)
    assert sample.checks == (
        {"name": "disk\ufffd", "status": "healthy", "latencyMs": 1.5, "output": "x" * 500},
        {
            "name": "status",
            "status": "unhealthy",
            "latencyMs": None,
            "output": "The status 'banana' is not one of healthy, degraded, unhealthy.",
        },
    )
