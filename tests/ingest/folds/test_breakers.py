"""Breaker reports folded into the latest state and its history."""

from __future__ import annotations

import pytest

from ingest.folds.breakers import (
    BreakerKey,
    BreakerState,
    Change,
    changes_of,
    fold_breakers,
    map_state,
    record_breakers,
)
from ingest.models import Breaker
from ingest.queries.breakers import read_rejected
from ingest.records import Position
from ingest.system import BreakerChange
from tests.ingest.folds.factories import START, make_record

KEY = BreakerKey("payment-provider", "payment", "payment-1")


def change(at: int, to: str, before: str = "") -> Change:
    return Change(KEY, before, BreakerState(to, at, at), 1, Position(at, 0))


def history(found: list[Change]) -> list[tuple[int, str, str]]:
    return [(one.after.since_ms, one.before, one.after.state) for one in found]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("closed", "closed"),
        ("CLOSED", "closed"),
        ("half_open", "half_open"),
        ("HALF_OPEN", "half_open"),
        ("half-open", "half_open"),
        ("HalfOpen", "half_open"),
        ("halfOpen", "half_open"),
        ("Isolated", "forced_open"),
        ("FORCED_OPEN", "forced_open"),
        ("METRICS_ONLY", "disabled"),
        ("DISABLED", "disabled"),
        ("close", "closed"),
        ("", ""),
        ("something else entirely", "something_else_e"),
    ],
)
def test_states_of_other_libraries_are_mapped(name: str, expected: str) -> None:
    assert map_state(name) == expected


def test_changes_lead_to_the_last_state_and_all_are_history() -> None:
    states, found, _ = fold_breakers({}, [change(10, "open", "closed"), change(20, "half_open")])

    assert states == {KEY: BreakerState("half_open", 20, 20)}
    assert history(found) == [(10, "closed", "open"), (20, "open", "half_open")]


def test_reports_in_another_order_lead_to_the_same() -> None:
    changes = [change(30, "closed"), change(10, "open"), change(20, "half_open")]

    states, found, _ = fold_breakers({}, changes)

    assert states[KEY].state == "closed"
    assert history(found) == [
        (10, "", "open"),
        (20, "open", "half_open"),
        (30, "half_open", "closed"),
    ]


def test_a_report_older_than_the_state_is_history_only() -> None:
    known = {KEY: BreakerState("closed", 50, 50)}

    states, found, _ = fold_breakers(known, [change(40, "open", "closed")])

    assert states == {}
    assert history(found) == [(40, "closed", "open")]


def test_a_repeated_state_is_no_change() -> None:
    known = {KEY: BreakerState("open", 50, 50)}

    states, found, repeats = fold_breakers(known, [change(60, "open")])

    assert repeats == [change(60, "open")]
    assert states == {KEY: BreakerState("open", 50, 60)}
    assert found == []


def test_first_word_of_a_breaker_that_has_not_changed_is_no_change() -> None:
    told = change(10, "closed", "closed")

    states, found, repeats = fold_breakers({}, [told, change(20, "open", "closed")])

    assert states == {KEY: BreakerState("open", 20, 20)}
    assert history(found) == [(20, "closed", "open")]
    assert repeats == [told]


def test_word_that_only_tells_shows_a_change_that_was_missed() -> None:
    known = {KEY: BreakerState("open", 50, 50)}

    states, found, repeats = fold_breakers(known, [change(60, "closed", "closed")])

    assert states == {KEY: BreakerState("closed", 60, 60)}
    assert history(found) == [(60, "open", "closed")]
    assert repeats == []


def test_late_word_that_only_tells_changes_nothing() -> None:
    known = {KEY: BreakerState("open", 50, 50)}
    late = change(40, "closed", "closed")

    states, found, repeats = fold_breakers(known, [late])

    assert (states, found, repeats) == ({}, [], [late])


@pytest.mark.django_db(databases=["events"])
def test_calls_refused_are_kept_with_each_word_and_the_first_word_is_remembered() -> None:
    first = change(START, "open", "closed")
    record_breakers([first])
    record_breakers([change(START + 30, "open", "open")._replace(rejected=40)])
    record_breakers([change(START + 60, "half_open", "open")._replace(rejected=2)])

    row = Breaker.objects.get()
    assert (row.first_ms, row.since_ms) == (START, START + 60)
    assert read_rejected([row], since_ms=0) == {row.pk: [(START + 60, 2), (START + 30, 40)]}


def test_numbers_that_no_column_holds_are_none() -> None:
    told = BreakerChange(
        name="b\x00",
        to="OPEN",
        failure_count=1 << 70,
        error_rate=float("nan"),
        latency_ms=float("inf"),
        throughput=3.0,
        reason="r" * 5000,
        rejected_count=-1,
    )

    (found,) = changes_of(7, [make_record(detail=told), make_record()])

    assert found.key == BreakerKey("b\ufffd", "", "")
    assert (found.after.state, found.after.since_ms) == ("open", START)
    assert (found.after.failure_count, found.after.error_rate) == ((1 << 31) - 1, None)
    assert (found.after.latency_ms, found.after.throughput) == (None, 3.0)
    assert len(found.after.reason) == 1000
    assert found.rejected == 0
    assert (found.stream_id, found.position) == (7, Position(START, 0))
