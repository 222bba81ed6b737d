"""What is judged: pure, from rows and metrics to observations."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dashboard.alerts.evaluate import Observation
from dashboard.alerts.observing import (
    Backlog,
    observe_backlog,
    observe_breakers,
    observe_clearing,
    observe_components,
    observe_ingest,
    observe_schemas,
    observe_stuck,
)
from dashboard.alerts.rules import built_in_rules
from dashboard.alerts.wording import format_value, summarise
from dashboard.options import DashboardOptions, ObjectiveOptions
from ingest.models import Breaker, HealthComponent
from ingest.schema_changes import Change

NOW = 1_800_000_000_000


def breaker(instance: str, state: str, since_ms: int = NOW) -> Breaker:
    return Breaker(
        name="pay", service="shop", instance=instance, state=state, since_ms=since_ms,
        seen_ms=since_ms, reason=f"{instance} failed",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("states", "value", "detail"),
    [
        (["closed", "closed"], 0.0, "0 of 2 instances"),
        (["closed", "half_open"], 0.5, "0 of 2 instances"),
        (["half_open", "open"], 1.0, "1 of 2 instances; b failed"),
        (["forced_open"], 1.0, "a failed"),
        (["disabled"], 0.0, ""),
    ],
)
def test_worst_instance_speaks_for_the_breaker(
    states: list[str], value: float, detail: str
) -> None:
    rows = [breaker(name, state) for name, state in zip("abc", states, strict=False)]
    (found,) = observe_breakers([(row, True) for row in rows])
    assert (found.subject, found.value, found.detail) == ("shop / pay", value, detail)


def test_breaker_of_an_instance_that_has_ended_refuses_nobody() -> None:
    (found,) = observe_breakers([(breaker("a", "open"), False)])
    assert found.value == 0.0
    (again,) = observe_breakers([(breaker("a", "open"), False), (breaker("b", "half_open"), True)])
    assert again.value == 0.5


def component(instance: str, status: str, failures: int, seen_ms: int = NOW) -> HealthComponent:
    return HealthComponent(
        component="db", service="shop", instance=instance, status=status, failures=failures,
        seen_ms=seen_ms, since_ms=0,
    )  # fmt: skip


def test_component_counts_unhealthy_results_of_instances_that_still_tell() -> None:
    rows = [
        component("a", "unhealthy", 2),
        component("b", "degraded", 9),
        component("c", "unhealthy", 7, NOW - 90_001),
    ]
    (found,) = observe_components(rows, now_ms=NOW, interval_ms=30_000)
    assert (found.subject, found.value, found.detail) == ("shop / db", 2.0, "1 of 2 instances")


def test_silent_component_is_unknown_not_healthy() -> None:
    rows = [component("a", "healthy", 0, NOW - 90_001)]
    (found,) = observe_components(rows, now_ms=NOW, interval_ms=30_000)
    assert found.value is None


@pytest.mark.parametrize(
    ("lag", "sampled_ms", "value"),
    [(10, NOW, 13.0), (None, NOW, None), (10, NOW - 30_001, None)],
)
def test_backlog_is_what_waits_and_what_is_in_hand(
    lag: int | None, sampled_ms: int, value: float | None
) -> None:
    (found,) = observe_backlog([Backlog("orders", "inv", lag, 3, sampled_ms)], now_ms=NOW)
    assert (found.subject, found.value) == ("inv on orders", value)


@pytest.mark.parametrize(
    ("lag", "finished", "seconds", "value"),
    [
        (600, {"inv": 900}, 300, 200_000.0),
        (0, {"inv": 900}, 300, 0.0),
        (600, {"inv": 0}, 300, 7 * 86_400_000.0),
        (600, {}, 300, None),
        (None, {"inv": 900}, 300, None),
        (600, {"inv": 900}, 0, None),
    ],
)
def test_a_backlog_clears_at_the_pace_of_its_consumer(
    lag: int | None, finished: dict[str, float], seconds: float, value: float | None
) -> None:
    waiting = [Backlog("orders", "inv", lag, 0, NOW)]
    (found,) = observe_clearing(waiting, finished, seconds=seconds, now_ms=NOW)
    assert found.value == value


def test_stuck_flows_are_told_by_the_type_they_begin_with() -> None:
    (found,) = observe_stuck({"ORDER_CREATED": 3})
    assert (found.subject, found.value, found.labels) == (
        "ORDER_CREATED", 3.0, {"type": "ORDER_CREATED"},
    )  # fmt: skip


def test_only_recent_changes_of_a_schema_count_and_the_newest_is_told() -> None:
    changes = {
        "A": [
            Change("appeared", "1.0", "payload.tip", NOW),
            Change("version", "2.0", "", NOW - 10),
        ],
        "B": [Change("gone", "1.0", "payload.vat", NOW - 100)],
    }
    found = observe_schemas(changes, since_ms=NOW - 50)
    assert [(item.subject, item.value, item.detail) for item in found] == [
        ("A", 2.0, "appeared payload.tip"),
        ("B", 0.0, ""),
    ]


def test_ingest_is_judged_only_once_there_is_a_stream() -> None:
    status = SimpleNamespace(streams=0, stalled=True, lag=0, observed_until_ms=None)
    assert observe_ingest(status, now_ms=NOW) == []
    status = SimpleNamespace(streams=1, stalled=True, lag=4, observed_until_ms=NOW - 2000)
    assert {item.metric: item.value for item in observe_ingest(status, now_ms=NOW)} == {
        "ingest_stalled": 1.0,
        "ingest_behind": 2000.0,
    }


def test_rules_come_from_the_guide_s_numbers() -> None:
    found = {rule.name: (rule.above, rule.unit) for rule in built_in_rules(DashboardOptions())}
    assert found == {
        "error-rate": (0.001, "share"),
        "latency-p95": (200, "ms"),
        "latency-p99": (500, "ms"),
        "throughput": (5000, "/s"),
        "burn-fast": (14.4, "times"),
        "burn-steady": (6.0, "times"),
        "burn-slow": (1.0, "times"),
        "dead-letters": (0, "count"),
        "breaker-open": (0.5, "state"),
        "component-unhealthy": (2, "count"),
        "consumer-backlog": (1000, "events"),
        "ingest-stalled": (0, "state"),
        "ingest-lag": (30_000, "ms"),
        "stuck-flows": (0, "count"),
        "type-silent": (3, "times"),
        "clock-slow": (5_000, "ms"),
        "schema-changed": (0, "count"),
    }


def test_every_rule_clears_at_or_below_what_raises_it() -> None:
    for rule in built_in_rules(DashboardOptions()):
        assert rule.clear <= rule.above
        assert rule.explanation
        assert rule.page


def test_a_consumer_may_have_objectives_of_its_own() -> None:
    own = {"payment": {"error_rate": "5%", "p95": "1s"}, "bad": {"error_rate": "many", "p95": []}}
    options = DashboardOptions(objectives=ObjectiveOptions(consumers=own))
    rules = {rule.name: rule for rule in built_in_rules(options)}
    assert rules["error-rate"].threshold("payment") == 0.05
    assert rules["error-rate"].threshold("bad") == 0.001
    assert rules["latency-p95"].threshold("payment") == 1000
    assert rules["latency-p95"].threshold("other") == 200


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0234, "share", "2.34%"), (0.5, "share", "50%"), (12.345, "ms", "12.3 ms"),
        (4010, "ms", "4.01 s"), (90_000, "ms", "1.5 min"), (1234.5, "/s", "1,234 events/s"),
        (1, "state", "open"), (0.5, "state", "half open"), (0, "state", "closed"),
        (1500, "events", "1,500"), (None, "ms", "unknown"),
    ],
)  # fmt: skip
def test_values_are_told_with_their_unit(value: float | None, unit: str, text: str) -> None:
    assert format_value(value, unit) == text


def test_every_rule_tells_its_trouble_in_a_sentence() -> None:
    for rule in built_in_rules(DashboardOptions()):
        told = summarise(rule, Observation(rule.metric, "the subject", 7.0, detail="why"))
        assert told.endswith("(why)")
        assert "{" not in told
