"""Every metric a rule may be on, from what is stored to the rule that judges it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from dashboard.alerts.answering import Answers
from dashboard.alerts.reading import read_facts
from dashboard.alerts.readings import Readings
from dashboard.alerts.remembering import Memory
from dashboard.alerts.rule import Question
from dashboard.measures import MEASURES
from ingest.models import FlowState, Stream
from tests.dashboard.care import (
    make_breaker,
    make_component,
    make_group,
    make_letter,
)
from tests.ingest.folds.factories import make_receipt, make_record, make_ref, tell
from tests.ingest.queries.test_metrics import fold, observe

pytestmark = pytest.mark.django_db(databases=["default", "events"])

NOW = 1_800_000_000_000
MINUTE = 60_000


def ask(metric: str, *, now_ms: int = NOW, memory: Memory | None = None) -> Readings:
    measure = MEASURES[metric]
    by = measure.by[0] if measure.by else ""
    return Answers(read_facts(now_ms, {metric}, memory)).readings(Question(metric, by))


def values(readings: Readings) -> dict[str, float | None]:
    return {name: readings.find(name).value for name in readings.subjects}


@pytest.fixture
def seen() -> Stream:
    return observe(NOW - 86_400_000, NOW - 1000, leased_until=NOW / 1000 + 10)


def handle(
    ago_ms: int, outcomes: Sequence[str], consumer: str = "pay", took: float = 100.0
) -> None:
    receipts = [make_receipt(consumer=consumer, outcome=one, duration_ms=took) for one in outcomes]
    fold((make_ref("system-events", id=2), [tell(receipts, NOW - ago_ms)]))


@pytest.mark.usefixtures("seen")
def test_what_is_handled_is_judged_by_consumer_over_five_minutes() -> None:
    handle(10_000, ["success"] * 15 + ["failed"] * 5)
    handle(299_000, ["retry"] * 4)
    handle(301_000, ["failed"] * 50)
    assert values(ask("error_rate")) == {"pay": 0.25}
    assert values(ask("retries")) == {"pay": 4}
    assert values(ask("latency_p95"))["pay"] == pytest.approx(100, rel=0.01)
    assert ask("error_rate").find("pay").detail == "20 handled"


@pytest.mark.usefixtures("seen")
def test_what_is_published_is_judged_over_the_known_part_of_a_minute() -> None:
    fold((make_ref(), [make_record(NOW - 20_000)] * 118))
    assert values(ask("throughput")) == {"all events": 2.0}


@pytest.mark.usefixtures("seen")
def test_a_slow_clock_is_that_of_its_source() -> None:
    late = [make_record(NOW - 20_000, occurred=NOW - 50_000, source="till")] * 5
    fold((make_ref(), late))
    assert values(ask("clock_skew"))["till"] == pytest.approx(30_000, rel=0.01)


@pytest.mark.usefixtures("seen")
def test_letters_arriving_and_open_are_told_apart() -> None:
    make_letter(1, consumer="pay", received_ms=NOW - 1000)
    make_letter(2, consumer="pay", received_ms=NOW - 600_000)
    make_letter(3, consumer="ship", received_ms=NOW - 600_000)
    assert values(ask("dead_letters")) == {"pay": 1}
    assert values(ask("dead_letters_open")) == {"pay": 2, "ship": 1}


@pytest.mark.usefixtures("seen")
def test_state_of_the_house_is_judged() -> None:
    make_breaker()
    make_component(status="unhealthy", failures=3, seen_ms=NOW)
    make_group(lag=1500, sampled_ms=NOW)
    FlowState.objects.create(stuck={"ORDER_CREATED": 4})
    assert values(ask("breaker")) == {"payment-service / payment-provider": 1.0}
    assert values(ask("component")) == {"order-service / database": 3.0}
    assert list(values(ask("backlog"))) == ["inventory on orders-topic"]
    assert values(ask("stuck_flows")) == {"ORDER_CREATED": 4}
    assert values(ask("ingest_stalled")) == {"ingest": 0.0}
    assert values(ask("ingest_behind")) == {"ingest": 1000.0}


@pytest.mark.usefixtures("seen")
def test_a_backlog_clears_at_the_pace_of_receipts() -> None:
    make_group(lag=600, pending=0, sampled_ms=NOW)
    handle(10_000, ["success"] * 299, consumer="inventory")
    (told,) = values(ask("backlog_clears")).values()
    assert told == pytest.approx(600_000, rel=0.01)


@pytest.mark.usefixtures("seen")
def test_a_type_that_came_every_minute_and_stopped_is_silent_for_longer_than_usual() -> None:
    events = [make_record(NOW - ago * MINUTE) for ago in range(10, 100)]
    fold((make_ref(), events))
    (told,) = values(ask("absence")).values()
    assert told == pytest.approx(9.0, abs=1.0)


@pytest.mark.usefixtures("seen")
def test_burn_is_that_of_the_objectives() -> None:
    handle(10_000, ["success"] * 95 + ["failed"] * 5)
    handle(20 * MINUTE, ["success"] * 100)
    told = values(ask("burn_1h"))
    assert told["error rate at most 0.1%"] == pytest.approx(25.0)
    assert told["p95 within 200ms"] == 0


@pytest.mark.parametrize(
    "metric", [name for name in MEASURES if name not in ("ingest_stalled", "ingest_behind")]
)
def test_nothing_is_said_of_a_house_that_has_seen_nothing(metric: str) -> None:
    assert set(values(ask(metric)).values()) <= {None}


def test_what_changes_slowly_is_read_anew_after_its_time_only(seen: Stream) -> None:
    memory = Memory()
    assert values(ask("burn_1h", memory=memory))["error rate at most 0.1%"] == 0
    handle(1000, ["failed"] * 10)
    assert values(ask("burn_1h", now_ms=NOW + 2000, memory=memory))["error rate at most 0.1%"] == 0
    Stream.objects.filter(pk=seen.pk).update(observed_until_ms=NOW + MINUTE)
    later = values(ask("burn_1h", now_ms=NOW + MINUTE, memory=memory))
    assert later["error rate at most 0.1%"] == pytest.approx(1000)


@pytest.mark.usefixtures("seen")
def test_a_round_costs_the_same_for_one_rule_and_for_all_of_a_metric() -> None:
    handle(10_000, ["success"] * 20)
    counts = []
    for metrics in ({"error_rate"}, {"error_rate", "retries", "latency_p95", "queue_p50"}):
        with CaptureQueriesContext(connections["events"]) as asked:
            read_facts(NOW, metrics)
        counts.append(len(asked))
    assert counts[0] == counts[1]
