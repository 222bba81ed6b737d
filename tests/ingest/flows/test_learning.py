"""Rounds of the learner over the real tables, against a recount."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from structlog.testing import capture_logs

from ingest.flows.learning import FlowLearner, next_bits
from ingest.models import FlowCount, FlowState, StuckFlow, TracePiece
from ingest.queries.flows import count_stuck, flow_state, read_flow
from tests.ingest.flows.factories import DAY_MS, START, Happened, Stage, recount, stored_counts

pytestmark = pytest.mark.django_db(databases=["default", "events"])

HOUR = 3_600_000
NEVER_SURE = 2 * HOUR
"""An orphan that begins earlier may be our fault, and tells nothing."""


@pytest.fixture
def stage() -> Stage:
    return Stage()


def learner() -> FlowLearner:
    return FlowLearner(hold_s=0, flows_s=0)


def learn_all(stage: Stage, until: int = 24 * HOUR) -> None:
    stage.observe(until)
    learner().step(now_ms=START + until)


def order(number: int, at: int, *, stock: int | None = 40, mail: int | None = 90) -> list[Happened]:
    name = f"c{number}"
    story = [Happened(f"{name}-1", "ORDER_CREATED", name, at, source="orders")]
    if stock is not None:
        story.append(
            Happened(f"{name}-2", "STOCK_TAKEN", name, at + stock, f"{name}-1", "inventory")
        )
    if mail is not None:
        story.append(Happened(f"{name}-3", "MAIL_SENT", name, at + mail, f"{name}-2", "mailer"))
    return story


def test_flow_is_learnt_with_its_causes_shares_and_delays(stage: Stage) -> None:
    events = [one for number in range(100) for one in order(number, number * 10)]
    events = [one for one in events if one.id != "c7-3"]
    stage.publish(events)
    learn_all(stage)

    flow = read_flow("ORDER_CREATED", since_ms=START, now_ms=START + HOUR)

    assert flow is not None
    assert flow.whole.correlations == 100
    stock, mail = flow.edges
    assert (stock.parent, stock.type, stock.sources) == (
        "ORDER_CREATED",
        "STOCK_TAKEN",
        ("inventory",),
    )
    assert (stock.correlations, stock.opportunities, stock.share) == (100, 100, 1.0)
    assert (mail.parent, mail.correlations, mail.opportunities) == ("STOCK_TAKEN", 99, 100)
    assert mail.share == pytest.approx(0.99)
    assert mail.p50 == pytest.approx(50, rel=0.01)
    assert [step.p50 for step in flow.types] == pytest.approx([40, 90], rel=0.01)


def test_round_counts_what_a_recount_counts(stage: Stage) -> None:
    stage.observe(1)
    learner().step(now_ms=START)
    events = random_events(random.Random(1), 4000)
    rng = random.Random(2)
    shuffled = rng.sample(events, len(events))
    for begin in range(0, len(shuffled), 300):
        stage.publish(shuffled[begin : begin + 300])
    learn_all(stage)

    assert stored_counts() == recount(events)
    assert TracePiece.objects.count() == 0


def random_events(rng: random.Random, count: int) -> list[Happened]:
    """Stories with causes known, unknown, in rings and repeated; no two at the same moment."""
    types = [f"TYPE_{letter}" for letter in "ABCDEF"]
    events: list[Happened] = []
    moments = rng.sample(range(20_000, 10 * 60_000), count)
    for at in moments:
        correlation = f"c{rng.randrange(count // 5)}"
        cause = rng.choice(("", f"{correlation}-{rng.randrange(8)}", "elsewhere"))
        id = f"{correlation}-{rng.randrange(8)}"
        events.append(
            Happened(
                id, rng.choice(types), correlation, NEVER_SURE + at, cause, rng.choice(("s1", "s2"))
            )
        )
    # A copy is the same event again, so it says the same of itself.
    first: dict[str, Happened] = {}
    for event in sorted(events, key=lambda one: one.at):
        first.setdefault(event.id, event)
    return [
        first[event.id]._replace(at=event.at) if first[event.id] != event else event
        for event in events
    ]


def test_what_is_under_way_waits_and_is_counted_once(stage: Stage) -> None:
    stage.publish(order(1, 0)[:1])
    stage.observe(1000)
    learner().step(now_ms=START + 1000)
    assert FlowCount.objects.count() == 0
    assert flow_state().open == 1

    stage.publish(order(1, 0)[1:])
    stage.publish(order(1, 0)[1:])
    learn_all(stage)
    learn_all(stage)

    assert stored_counts() == recount(order(1, 0))
    assert flow_state().learnt == 1
    assert flow_state().open == 0


def test_round_over_nothing_new_writes_no_pieces(stage: Stage) -> None:
    stage.publish(order(1, 0))
    stage.observe(1000)
    learner().step(now_ms=START + 1000)
    before = list(TracePiece.objects.values_list("pk", flat=True))
    learner().step(now_ms=START + 2000)
    assert list(TracePiece.objects.values_list("pk", flat=True)) == before


def test_nothing_ends_while_a_worker_is_behind(stage: Stage) -> None:
    other = Stage("payments-topic")
    stage.publish(order(1, 0))
    stage.observe(24 * HOUR)
    other.observe(1000)

    learner().step(now_ms=START + 24 * HOUR)

    assert FlowCount.objects.count() == 0
    assert flow_state().watermark_ms == START + 1000


def teach(stage: Stage, count: int = 300) -> None:
    stage.publish([one for number in range(count) for one in order(1000 + number, number * 10)])
    learn_all(stage, 2 * HOUR)


def test_flow_that_lacks_an_expected_step_is_stuck_until_the_step_comes(stage: Stage) -> None:
    teach(stage)
    begun = 2 * HOUR
    stage.publish(order(1, begun, mail=None) + order(2, begun))
    stage.observe(begun + 3000)
    learner().step(now_ms=START + begun + 3000)
    assert count_stuck() == {}

    stage.observe(begun + 40_000)
    learner().step(now_ms=START + begun + 40_000)

    assert count_stuck() == {"ORDER_CREATED": 1}
    [row] = StuckFlow.objects.all()
    assert (row.parent, row.type, row.source) == ("STOCK_TAKEN", "MAIL_SENT", "mailer")
    assert (row.last_type, row.last_source) == ("STOCK_TAKEN", "inventory")
    assert row.due_ms == START + begun + 40 + 5000
    assert row.usual_ms == pytest.approx(50, rel=0.01)

    stage.publish([order(1, begun, mail=41_000)[2]])
    stage.observe(begun + 42_000)
    learner().step(now_ms=START + begun + 42_000)

    assert count_stuck() == {}
    assert StuckFlow.objects.count() == 0


def test_stuck_flow_is_given_up_in_the_end_and_counted_as_lacking(stage: Stage) -> None:
    teach(stage)
    stage.publish(order(1, 2 * HOUR, mail=None))
    learn_all(stage, 2 * HOUR + 30 * 60_000)
    assert count_stuck() == {"ORDER_CREATED": 1}

    learn_all(stage, 2 * HOUR + 61 * 60_000)

    assert count_stuck() == {}
    mail = FlowCount.objects.get(parent="STOCK_TAKEN", type="MAIL_SENT")
    whole = FlowCount.objects.get(parent="", type="")
    assert (whole.correlations, mail.correlations) == (301, 300)


def cancelled(number: int, at: int) -> list[Happened]:
    first = order(number, at, stock=None, mail=None)
    return [
        *first,
        Happened(f"c{number}-9", "ORDER_CANCELLED", f"c{number}", at + 60, f"c{number}-1"),
    ]


def checked(number: int, at: int, *, mail: int | None = 90) -> list[Happened]:
    """An order after whose stock something unusual comes beside the mail."""
    extra = Happened(f"c{number}-8", "STOCK_COUNTED", f"c{number}", at + 50, f"c{number}-2")
    return [*order(number, at, mail=mail), extra]


def test_flow_that_took_another_way_is_not_stuck(stage: Stage) -> None:
    teach(stage)
    stage.publish(cancelled(1, 2 * HOUR))
    learn_all(stage, 2 * HOUR + 9000)
    assert (count_stuck(), flow_state().open) == ({}, 1)

    learn_all(stage, 2 * HOUR + 20 * 60_000)

    assert (count_stuck(), flow_state().open) == ({}, 0)
    row = FlowCount.objects.get(parent="ORDER_CREATED", type="ORDER_CANCELLED")
    assert row.without == {"STOCK_TAKEN": 1}


def test_what_comes_beside_an_expected_step_is_no_other_way(stage: Stage) -> None:
    teach(stage)
    stage.publish([one for n in range(12) for one in checked(n, 2 * HOUR + n)])
    learn_all(stage, 3 * HOUR)
    stage.publish(checked(20, 3 * HOUR, mail=None))
    learn_all(stage, 3 * HOUR + 20_000)
    assert count_stuck() == {"ORDER_CREATED": 1}


def test_few_samples_expect_nothing(stage: Stage) -> None:
    teach(stage, count=49)
    stage.publish(order(1, 2 * HOUR, mail=None))
    learn_all(stage, 2 * HOUR + 50_000)
    assert count_stuck() == {}


def test_only_whole_correlations_are_learnt_when_ingest_traces_fewer(stage: Stage) -> None:
    events = [one for number in range(400) for one in order(number, number)]
    stage.publish(events[:600])
    stage.publish(events[600:], bits=2)
    learn_all(stage)

    state = flow_state()
    assert state.bits == 2
    assert 50 < state.learnt < 150
    counts = {type: count for (_, _, parent, type), (count, *_) in stored_counts().items()}
    assert set(counts.values()) == {state.learnt}


def test_more_is_learnt_again_after_a_calm() -> None:
    assert next_bits(0, 0, needed=3, watermark_ms=5, calm_ms=600) == (3, 5)
    assert next_bits(3, 5, needed=0, watermark_ms=605, calm_ms=600) == (3, 5)
    assert next_bits(3, 5, needed=3, watermark_ms=605, calm_ms=600) == (3, 605)
    assert next_bits(3, 5, needed=1, watermark_ms=606, calm_ms=600) == (1, 606)


def test_flow_seen_in_part_when_learning_began_tells_nothing(stage: Stage) -> None:
    early = [Happened("c1-2", "STOCK_TAKEN", "c1", 0, "c1-1")]
    late = [Happened("c2-2", "STOCK_TAKEN", "c2", HOUR, "c2-1")]
    stage.observe(1)
    learner().step(now_ms=START)
    stage.publish(early + late)
    learn_all(stage)
    assert stored_counts() == recount(late)


def test_damaged_piece_holds_up_nothing(stage: Stage) -> None:
    stage.publish(order(1, 0))
    TracePiece.objects.create(bits=0, events=9, newest_ms=START, data=b"\x01damaged")

    with capture_logs() as logs:
        learn_all(stage)

    assert [log["action"] for log in logs] == ["flows.corrupt_piece"]
    assert stored_counts() == recount(order(1, 0))
    assert TracePiece.objects.count() == 0


def test_what_does_not_fit_is_ended_or_let_go_of_and_told(stage: Stage) -> None:
    stage.publish([one for number in range(20) for one in order(number, number * 1000)])
    stage.observe(20_000)
    FlowLearner(hold_s=0, flows_s=0, most_open=30).step(now_ms=START + 20_000)

    state = flow_state()
    assert (state.evicted, state.open, state.bits) == (10, 10, 1)
    assert set(FlowCount.objects.filter(type="").values_list("correlations", flat=True)) == {10}


def test_days_are_counted_apart(stage: Stage) -> None:
    stage.publish(order(1, 0) + order(2, DAY_MS))
    learn_all(stage, 3 * DAY_MS)
    days = FlowCount.objects.filter(type="").order_by("day").values_list("day", flat=True)
    assert list(days) == [START // DAY_MS, START // DAY_MS + 1]


def test_round_costs_as_many_queries_for_few_flows_as_for_many(stage: Stage) -> None:
    def queries(count: int, begin: int) -> int:
        stage.publish([one for n in range(count) for one in order(begin + n, begin + n)])
        with CaptureQueriesContext(connections["events"]) as asked:
            learn_all(stage)
        return len(asked)

    queries(1, 0)
    assert queries(1, 10) == queries(500, 100)


@dataclass
class Killed(Exception):
    """Stands for the end of the process."""

    statement: int


class Machine(RuleBasedStateMachine):
    """Batches, watermarks, rounds and rounds that die; in the end the counts are a recount's."""

    def __init__(self) -> None:
        super().__init__()
        for model in (FlowCount, TracePiece, StuckFlow, FlowState):
            model.objects.all().delete()
        self.stage = Stage(f"machine-{random.getrandbits(64)}")
        self.events: list[Happened] = []
        self.now = NEVER_SURE
        self.number = 0
        self.stage.observe(1)
        learner().step(now_ms=START)

    @rule(seed=st.integers(0, 1 << 32), count=st.integers(1, 12))
    def publish(self, seed: int, count: int) -> None:
        rng = random.Random(seed)
        batch = []
        for _ in range(count):
            self.number += 1
            self.now += rng.randrange(1, 400)
            era = self.number // 60
            name = f"e{era}-c{rng.randrange(8)}"
            known = [one.id for one in self.events if one.correlation == name]
            batch.append(
                Happened(
                    f"id-{self.number}",
                    rng.choice(("A", "B", "C")),
                    name,
                    self.now,
                    rng.choice(["", *known[-3:]]),
                )
            )
            if self.number % 60 == 59:
                self.now += 2 * HOUR
        self.events += batch
        self.stage.publish(batch)
        if rng.random() < 0.3:
            self.stage.publish(batch[: count // 2])

    @rule(behind=st.integers(0, 5000))
    def round(self, behind: int) -> None:
        self.stage.observe(self.now - behind)
        learner().step(now_ms=START + self.now)

    @rule(statement=st.integers(1, 25))
    def dying_round(self, statement: int) -> None:
        self.stage.observe(self.now)
        left = [statement]

        def execute(run: object, *args: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                raise Killed(statement)
            return run(*args)  # type: ignore[operator]

        with connections["events"].execute_wrapper(execute):
            try:
                learner().step(now_ms=START + self.now)
            except Killed:
                return

    def teardown(self) -> None:
        self.stage.observe(self.now + 3 * HOUR)
        learner().step(now_ms=START + self.now + 3 * HOUR)
        assert stored_counts() == recount(self.events)
        assert TracePiece.objects.count() == 0
        self.stage.row.delete()


def test_whatever_dies_between_and_in_rounds_nothing_is_lost_or_counted_twice(
    settings: Any,
) -> None:
    patient = msgspec.structs.replace(settings.INGEST.flows, samples=1_000_000)
    settings.INGEST = msgspec.structs.replace(settings.INGEST, flows=patient)
    run_state_machine_as_test(
        Machine,
        settings=hypothesis_settings(max_examples=25, stateful_step_count=20, deadline=None),
    )
