"""The past of a metric as it is stored: what was folded, what was given up, which breaker was open."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from dashboard.alerts.history import STEP_S, read_history
from dashboard.alerts.replaying import History
from dashboard.alerts.rule import Rule
from dashboard.alerts.trying import try_rule
from ingest.models import Breaker, BreakerTransition, Gap, Stream
from tests.dashboard.care import make_letter
from tests.ingest.folds.factories import make_receipt, make_record, make_ref, tell
from tests.ingest.queries.test_metrics import fold, observe

pytestmark = pytest.mark.django_db(databases=["default", "events"])

STEP = STEP_S * 1000
NOW = 1_800_000_000_000 // STEP * STEP + 100_000
END = NOW // STEP * STEP
SINCE = END - 4 * STEP
RULE = Rule(
    "r", "R", "error_rate", above=0.1, clear=0.1, unit="share", severity="critical",
    explanation="", for_s=0, clear_s=0,
)  # fmt: skip


def read(rule: Rule) -> History:
    return read_history(rule, seconds=4 * STEP_S, now_ms=NOW)


def lines(found: History) -> dict[str, list[float | None]]:
    return {
        name: [None if math.isnan(value) else value for value in found.values[:, place].tolist()]
        for place, name in enumerate(found.subjects)
    }


@pytest.fixture
def seen() -> Stream:
    return observe(SINCE - 10 * STEP, END)


def handle(step: int, consumer: str, **outcomes: int) -> None:
    receipts = [
        make_receipt(consumer=consumer, outcome=outcome, duration_ms=100.0)
        for outcome, count in outcomes.items()
        for _ in range(count)
    ]
    fold((make_ref("system-events", id=2), [tell(receipts, SINCE + step * STEP + 1000)]))


@pytest.mark.usefixtures("seen")
def test_rates_are_by_step_and_member_and_few_failures_have_no_weight() -> None:
    handle(0, "pay", success=15, failed=5)
    handle(2, "pay", success=9, failed=1)
    handle(2, "ship", success=3, retry=2)
    found = read(RULE)
    assert lines(found) == {"pay": [0.25, 0, 0.1, 0], "ship": [0, 0, 0, 0]}
    assert found.volumes[:, found.subjects.index("pay")].tolist() == [20, 0, 0, 0]
    assert lines(read(replace(RULE, metric="retries")))["ship"] == [0, 0, 2, 0]


@pytest.mark.usefixtures("seen")
def test_latency_and_throughput_are_as_the_charts_have_them() -> None:
    handle(1, "pay", success=10)
    fold((make_ref(), [make_record(SINCE + 500)] * 30))
    latency = lines(read(replace(RULE, metric="latency_p95")))["pay"]
    assert latency[1] == pytest.approx(100, rel=0.01)
    assert latency[0] == 0
    assert lines(read(replace(RULE, metric="throughput")))["all events"][0] == 0.1


def test_a_gap_is_unknown_for_every_member(seen: Stream) -> None:
    Gap.objects.create(
        stream=seen, after_major=0, after_minor=0, from_ms=SINCE + STEP + 5,
        until_ms=SINCE + STEP + 9, lost=3, found_ms=NOW,
    )  # fmt: skip
    handle(0, "pay", success=10)
    found = read(RULE)
    assert lines(found) == {"pay": [0, None, 0, 0]}
    assert found.known == [True, False, True, True]


@pytest.mark.usefixtures("seen")
def test_scope_and_members_narrow_the_past_as_they_do_the_present() -> None:
    for consumer in ("pay-a", "pay-b", "ship"):
        handle(0, consumer, success=10)
    assert read(replace(RULE, scope=(("consumer", ("pay-*",)),))).subjects == ("pay-a", "pay-b")
    assert read(replace(RULE, members=("*-b",))).subjects == ("pay-b",)
    assert read(replace(RULE, scope=(("type", ("NONE",)),))).subjects == ()


@pytest.mark.usefixtures("seen")
def test_dead_letters_are_counted_by_step() -> None:
    for number, step in enumerate((0, 0, 3)):
        make_letter(number, received_ms=SINCE + step * STEP + number, consumer="pay")
    make_letter(9, received_ms=SINCE - 1, consumer="pay")
    make_letter(10, received_ms=SINCE + 5, consumer="", topic="bills")
    found = read(replace(RULE, metric="dead_letters", unit="count"))
    assert lines(found) == {"pay": [2, 0, 0, 1], "bills": [1, 0, 0, 0]}


@pytest.mark.usefixtures("seen")
def test_breaker_is_the_worst_of_its_instances_in_each_step() -> None:
    for instance, changes in {
        "a": [(SINCE - 9 * STEP, "open"), (SINCE - STEP, "closed"), (SINCE + STEP + 5, "open")],
        "b": [(SINCE + STEP + 9, "half_open"), (SINCE + 2 * STEP + 5, "closed")],
    }.items():
        breaker = Breaker.objects.create(
            name="psp", service="pay", instance=instance, state="closed", since_ms=1, seen_ms=1
        )
        for at_ms, state in changes:
            BreakerTransition.objects.create(breaker=breaker, at_ms=at_ms, to_state=state)
    BreakerTransition.objects.create(
        breaker=Breaker.objects.get(instance="a"), at_ms=SINCE + 2 * STEP + 1, to_state="closed"
    )
    found = read(replace(RULE, metric="breaker", unit="state"))
    assert lines(found) == {"pay / psp": [0, 1, 1, 0]}


@pytest.mark.usefixtures("seen")
def test_burn_of_the_past_is_over_the_same_windows() -> None:
    """20 of 1,000 in one step: over 5 min it is over with the next one, over 6 h it is not."""
    handle(-9, "pay", success=500)
    handle(1, "pay", success=480, failed=20)
    found = read(replace(RULE, metric="burn_1h", unit="times"))
    errors = found.subjects.index("error rate at most 0.1%")
    assert found.values[:, errors].tolist() == pytest.approx([0, 20, 0, 0])
    assert found.volumes[:, errors].tolist() == [500, 1000, 1000, 500]
    slow = read(replace(RULE, metric="burn_3d", unit="times"))
    assert slow.values[:, errors].tolist() == pytest.approx([0, 20, 20, 20])
    assert slow.volumes[:, errors].tolist() == [500, 1000, 1000, 1000]


@pytest.mark.usefixtures("seen")
def test_slow_handlings_of_the_past_burn_the_budget_of_their_quantile() -> None:
    receipts = [make_receipt(consumer="pay", duration_ms=took) for took in [100.0] * 3 + [900.0]]
    fold((make_ref("system-events", id=2), [tell(receipts, SINCE + 1000)]))
    found = read(replace(RULE, metric="burn_1h", unit="times"))
    told = dict(zip(found.subjects, found.values[0].tolist(), strict=True))
    assert told["p95 within 200ms"] == pytest.approx(0.25 / 0.05)
    assert told["p99 within 500ms"] == pytest.approx(0.25 / 0.01)


@pytest.mark.usefixtures("seen")
def test_clock_of_a_source_in_the_past_is_its_shortest_usual_delay() -> None:
    at = SINCE + STEP + 40_000
    fold((make_ref(), [make_record(at, occurred=at - 9000, source="till")] * 4))
    found = lines(read(replace(RULE, metric="clock_skew", unit="ms")))
    assert found["till"][1] == pytest.approx(9000, rel=0.01)


@pytest.mark.usefixtures("seen")
def test_a_trial_says_how_often_it_would_have_fired() -> None:
    handle(0, "pay", success=15, failed=5)
    handle(2, "pay", success=15, failed=5)
    trial = try_rule(RULE, span="24h", now_ms=NOW)
    assert trial.sentence == "It would have fired 2 times in the last 24 hours."
    assert trial.figure is not None
    assert try_rule(replace(RULE, above=0.9), now_ms=NOW).sentence == (
        "It would not have fired in the last 7 days."
    )
