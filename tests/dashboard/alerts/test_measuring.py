"""From sums to members: who is judged, by what, and what is nothing."""

from __future__ import annotations

import math

import pytest

from dashboard.alerts.measuring import Scope, measure_handled, measure_published
from dashboard.alerts.readings import Readings
from ingest.folds.cells import Counter
from tests.dashboard.alerts.sums import handled, make, published

SUCCESS, FAILED, DEAD, RETRY = (
    Counter.SUCCESS,
    Counter.FAILED,
    Counter.DEAD_LETTERED,
    Counter.RETRY,
)
SUMS = make(
    handled("payment", {SUCCESS: 190, FAILED: 6, DEAD: 4}, [10.0] * 98 + [300.0] * 2),
    handled("payment", {SUCCESS: 100}, type="PAYMENT_ASKED", topic="payments"),
    handled("shipping", {SUCCESS: 96, FAILED: 4, RETRY: 7}),
    handled("idle", {}),
    published("shop", 500, [2.0, 3.0, 900.0]),
    published("till", 100, [30_000.0, 31_000.0], type="PAYMENT_ASKED"),
    published("shop", 0, type="HealthCheck", topic="system-events"),
    published("shop", 0, topic="failed-events"),
)


def told(readings: Readings) -> dict[str, tuple[float | None, float]]:
    found = [readings.observation(place) for place in range(len(readings.subjects))]
    return {item.subject: (item.value, item.volume) for item in found}


@pytest.mark.parametrize(
    ("by", "scope", "expected"),
    [
        ("consumer", (), {"payment": (10 / 300, 300), "shipping": (0.04, 0), "idle": (0.0, 0)}),
        ("type", (), {"ORDER_CREATED": (14 / 300, 300), "PAYMENT_ASKED": (0.0, 0)}),
        ("topic", (("consumer", ("pay*",)),), {"orders": (0.05, 200), "payments": (0.0, 0)}),
        ("all", (), {"all handlings": (14 / 400, 400)}),
        ("consumer", (("type", ("PAYMENT_*",)),), {"payment": (0.0, 0)}),
        ("consumer", (("type", ("NONE",)),), {}),
        ("all", (("type", ("NONE",)),), {"all handlings": (0.0, 0)}),
    ],
)  # fmt: skip
def test_error_rate_by_any_name_in_any_scope(
    by: str, scope: Scope, expected: dict[str, tuple[float, float]]
) -> None:
    """A few failures (4 of 100) are an accident and carry no weight."""
    assert told(measure_handled("error_rate", by, scope, SUMS, known=True)) == expected


def test_quantiles_are_of_their_kind_and_nothing_has_no_weight() -> None:
    found = told(measure_handled("latency_p99", "consumer", (), SUMS, known=True))
    assert found["payment"][0] == pytest.approx(300, rel=0.01)
    assert found["payment"][1] == 300
    assert found["shipping"] == (0.0, 0)
    assert told(measure_handled("queue_p99", "consumer", (), SUMS, known=True))["payment"] == (0, 0)


def test_retries_are_counted() -> None:
    found = told(measure_handled("retries", "consumer", (), SUMS, known=True))
    assert found["shipping"] == (7, 100)


def test_throughput_is_per_known_second_without_system_events_and_copies() -> None:
    whole = measure_published("throughput", "all", (), SUMS, known=True)
    assert told(whole) == {"all events": (2.0, math.inf)}
    topics = measure_published(
        "throughput", "topic", (), SUMS, known=True, copies=frozenset({"failed-events"})
    )
    assert told(topics) == {"orders": (2.0, math.inf)}


def test_clock_of_a_source_is_late_by_its_shortest_usual_delay() -> None:
    found = told(measure_published("clock_skew", "source", (), SUMS, known=True))
    assert found["shop"] == (pytest.approx(2.0, rel=0.01), 500)
    assert found["till"] == (pytest.approx(30_000, rel=0.01), 100)


def test_everything_is_unknown_while_time_is() -> None:
    found = measure_handled("error_rate", "consumer", (), SUMS, known=False)
    assert {value for value, _ in told(found).values()} == {None}
    assert found.find("gone").value is None
    unseen = make(published("shop", 5), seconds=0)
    assert told(measure_published("throughput", "all", (), unseen, known=True)) == {
        "all events": (None, math.inf)
    }


def test_a_member_that_is_gone_is_known_to_be_nothing() -> None:
    found = measure_handled("error_rate", "consumer", (), SUMS, known=True).find("gone")
    assert (found.value, found.volume, found.labels) == (0.0, 0, {"consumer": "gone"})


def test_labels_tell_the_member_and_what_the_scope_fixes() -> None:
    scope: Scope = (("type", ("ORDER_CREATED",)), ("topic", ("ord*",)))
    found = measure_handled("error_rate", "consumer", scope, SUMS, known=True).find("payment")
    assert found.labels == {"type": "ORDER_CREATED", "consumer": "payment"}
    assert found.detail == "200 handled"
