"""What is judged: pure, from rows and metrics to observations."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from dashboard.alerts.evaluate import Observation
from dashboard.alerts.observing import (
    Backlog,
    observe_backlog,
    observe_breakers,
    observe_components,
    observe_consumers,
    observe_dead_letters,
    observe_ingest,
    observe_throughput,
)
from dashboard.alerts.rules import built_in_rules
from dashboard.alerts.wording import format_value, summarise
from dashboard.options import DashboardOptions, ObjectiveOptions
from ingest.models import Breaker, HealthComponent

NOW = 1_800_000_000_000


@dataclass
class Group:
    name: str
    totals: dict[str, int]
    quantile: float | None = 12.0
    asked: list[str] = field(default_factory=list)

    def total(self, name: str) -> int:
        return self.totals.get(name, 0)

    def total_quantile(self, kind: str, q: float) -> float | None:
        return None if self.quantile is None else self.quantile * (2 if q == 0.99 else 1)

    def total_error_rate(self) -> float | None:
        finished = self.total("processed")
        return self.total("failed") / finished if finished else None


def values(found: list[Observation]) -> dict[str, tuple[float | None, float]]:
    return {item.metric: (item.value, item.volume) for item in found}


def test_consumer_is_judged_by_error_rate_and_quantiles() -> None:
    group = Group("payment", {"processed": 200, "failed": 10})
    assert values(observe_consumers([group], known=True)) == {
        "error_rate": (0.05, 200),
        "latency_p95": (12.0, 200),
        "latency_p99": (24.0, 200),
    }


def test_a_few_failures_are_an_accident_and_carry_no_weight() -> None:
    group = Group("payment", {"processed": 150, "failed": 4})
    assert values(observe_consumers([group], known=True))["error_rate"] == (4 / 150, 0)


@pytest.mark.parametrize(("known", "value"), [(True, 0.0), (False, None)])
def test_expected_consumer_that_is_not_seen_is_nothing_or_unknown(
    known: bool, value: float | None
) -> None:
    found = observe_consumers([], known=known, expected={"payment"})
    assert values(found)["error_rate"] == (value, 0)


def test_nothing_is_told_of_consumers_while_metrics_are_not_known() -> None:
    assert observe_consumers([Group("x", {"processed": 5})], known=False) == []


def test_throughput_is_per_known_second() -> None:
    assert observe_throughput(600, 30)[0].value == 20
    assert observe_throughput(600, 0)[0].value is None


def test_dead_letters_that_arrived_are_true_even_while_ingest_lags() -> None:
    found = observe_dead_letters({"a": 3}, known=False, expected={"a", "b"})
    assert {item.subject: item.value for item in found} == {"a": 3.0, "b": None}


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
        "dead-letters": (0, "count"),
        "breaker-open": (0.5, "state"),
        "component-unhealthy": (2, "count"),
        "consumer-backlog": (1000, "events"),
        "ingest-stalled": (0, "state"),
        "ingest-lag": (30_000, "ms"),
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
