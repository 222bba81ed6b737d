"""Signs of life folded into instances and markers."""

from __future__ import annotations

import pytest

from ingest.folds.services import (
    ERRORS_A_MINUTE,
    InstanceKey,
    InstanceState,
    Sign,
    fold_services,
    limit_errors,
    signs_of,
)
from ingest.system import ErrorInfo, ErrorOccurred, HealthReport, ServiceChange
from tests.ingest.folds.factories import START, make_record

KEY = InstanceKey("orders", "orders-1")


def sign(kind: str, at: int, **rest: str) -> Sign:
    return Sign(KEY, kind, at, **rest)


@pytest.mark.parametrize(
    ("before", "signs", "after"),
    [
        (
            None,
            [sign("started", 10, version="1.0", host="h")],
            InstanceState(10, "1.0", "h", 10, None),
        ),
        (
            InstanceState(10, "1.0", "h", 10),
            [sign("stopped", 20)],
            InstanceState(20, "1.0", "h", 10, 20),
        ),
        (
            InstanceState(20, "1.0", "h", 10, 20),
            [sign("started", 30, version="1.1")],
            InstanceState(30, "1.1", "h", 30, None),
        ),
        (None, [sign("seen", 10)], InstanceState(10)),
        (
            None,
            [sign("stopped", 20), sign("started", 10)],
            InstanceState(20, started_ms=10, stopped_ms=20),
        ),
        (
            InstanceState(30, "1.1", "h", 30),
            [sign("stopped", 20, version="1.0")],
            InstanceState(30, "1.1", "h", 30, None),
        ),
        (
            InstanceState(30, "1.1", "h", 30),
            [sign("error", 40)],
            InstanceState(40, "1.1", "h", 30),
        ),
    ],
)
def test_instances_start_stop_and_are_seen(
    before: InstanceState | None, signs: list[Sign], after: InstanceState
) -> None:
    assert fold_services({KEY: before} if before else {}, signs) == {KEY: after}


def test_details_become_signs() -> None:
    records = [
        make_record(type="ServiceStarted", detail=ServiceChange("orders", "orders-1", "1.0", "h")),
        make_record(type="ServiceStopped", detail=ServiceChange("orders", "orders-1")),
        make_record(
            source="orders",
            type="ErrorOccurred",
            detail=ErrorOccurred(ErrorInfo("Boom", "bad\x00")),
        ),
        make_record(type="HealthCheck", detail=HealthReport("db", "up", "orders", "orders-1")),
        make_record(type="HealthCheck", detail=HealthReport("db", "up")),
        make_record(),
    ]

    assert signs_of(records) == [
        Sign(KEY, "started", START, "1.0", "h"),
        Sign(KEY, "stopped", START),
        Sign(InstanceKey("orders", ""), "error", START, text="Boom: bad\ufffd"),
        Sign(KEY, "seen", START),
    ]


def test_celerys_workers_start_stop_and_are_seen_as_services_do() -> None:
    worker = ServiceChange("celery", "celery@one", "5.5", "one")
    records = [
        make_record(type=f"worker-{kind}", detail=worker)
        for kind in ("online", "heartbeat", "offline")
    ]

    assert [one.kind for one in signs_of(records)] == ["started", "seen", "stopped"]


def test_errors_are_bounded_a_service_and_minute_but_starts_are_not() -> None:
    errors = [sign("error", START + number) for number in range(40)]
    starts = [sign("started", START + number) for number in range(40)]

    kept = limit_errors([*errors, *starts, sign("seen", START)], {("orders", START // 60_000): 4})

    assert [one.kind for one in kept].count("error") == ERRORS_A_MINUTE - 4
    assert [one.kind for one in kept].count("started") == 40
    assert len(kept) == ERRORS_A_MINUTE - 4 + 40
