"""The breaker as a pure state machine: its steps, and what holds whatever happens."""

from __future__ import annotations

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from eventscope.circuit import (
    Circuit,
    CircuitSettings,
    State,
    abandon,
    admit,
    expire,
    fail,
    force,
    succeed,
    wait_left,
)

SETTINGS = CircuitSettings(failure_threshold=3, reset_timeout=60, half_open_timeout=30)
OPEN = Circuit(State.OPEN, failures=3, since=0.0, epoch=1)


def probing(now: float = 60.0) -> Circuit:
    circuit, admitted = admit(OPEN, SETTINGS, now)
    assert admitted
    return circuit


def test_failures_in_a_row_open_it() -> None:
    circuit = Circuit()
    for _ in range(2):
        circuit = fail(circuit, SETTINGS, 0, 5.0)
    assert circuit.state is State.CLOSED

    circuit = fail(circuit, SETTINGS, 0, 5.0, "ConnectionError")

    assert circuit == Circuit(
        State.OPEN, 3, 5.0, epoch=1, reason="3 failures in a row: ConnectionError"
    )


def test_success_between_failures_keeps_it_closed() -> None:
    circuit = Circuit()
    for _ in range(5):
        circuit = fail(circuit, SETTINGS, 0, 0.0)
        circuit = fail(circuit, SETTINGS, 0, 0.0)
        circuit = succeed(circuit, 0, 0.0)

    assert circuit == Circuit()


def test_open_refuses_until_the_reset_timeout_is_over() -> None:
    assert admit(OPEN, SETTINGS, 59.9) == (OPEN, False)
    assert wait_left(OPEN, SETTINGS, 59.5) == 0.5

    circuit, admitted = admit(OPEN, SETTINGS, 60.0)

    assert admitted
    assert (circuit.state, circuit.reason) == (State.HALF_OPEN, "reset timeout of 1m is over")


def test_half_open_lets_one_probe_through() -> None:
    circuit, admitted = admit(probing(), SETTINGS, 61.0)

    assert not admitted
    assert circuit.state is State.HALF_OPEN


def test_probe_that_succeeds_closes_it() -> None:
    circuit = succeed(probing(), 2, 61.0)

    assert circuit == Circuit(State.CLOSED, 0, 61.0, epoch=3, reason="the probe succeeded")


def test_probe_that_fails_opens_it_for_another_reset_timeout() -> None:
    circuit = fail(probing(), SETTINGS, 2, 61.0, "TimeoutError")

    assert (circuit.state, circuit.since) == (State.OPEN, 61.0)
    assert circuit.reason == "the probe failed: TimeoutError"
    assert admit(circuit, SETTINGS, 120.9)[1] is False
    assert admit(circuit, SETTINGS, 121.0)[1] is True


def test_probe_that_does_not_end_in_time_opens_it() -> None:
    assert expire(probing(), SETTINGS, 89.9).state is State.HALF_OPEN

    circuit, admitted = admit(probing(), SETTINGS, 90.0)

    assert (circuit.state, circuit.since, admitted) == (State.OPEN, 90.0, False)
    assert circuit.reason == "the probe did not end within 30s"


def test_outcome_of_an_overdue_probe_counts_no_more() -> None:
    circuit = expire(probing(), SETTINGS, 90.0)

    assert succeed(circuit, 2, 91.0) == circuit
    assert fail(circuit, SETTINGS, 2, 91.0) == circuit


def test_call_begun_before_it_opened_cannot_close_it() -> None:
    assert succeed(probing(), 0, 61.0) == probing()


def test_probe_given_up_makes_room_for_the_next_one() -> None:
    circuit, admitted = admit(abandon(probing(), 2), SETTINGS, 100.0)

    assert admitted
    assert (circuit.state, circuit.since) == (State.HALF_OPEN, 100.0)


def test_forced_open_refuses_for_ever_and_disabled_admits_all() -> None:
    forced = force(Circuit(), State.FORCED_OPEN, 0.0, "maintenance")
    disabled = force(OPEN, State.DISABLED, 0.0, "trial")
    for _ in range(10):
        disabled = fail(disabled, SETTINGS, disabled.epoch, 1.0)

    assert admit(forced, SETTINGS, 1e9) == (forced, False)
    assert wait_left(forced, SETTINGS, 1e9) == float("inf")
    assert admit(disabled, SETTINGS, 1.0) == (disabled, True)


class Breaker(RuleBasedStateMachine):
    """Any interleaving of calls, outcomes and waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.circuit = Circuit()
        self.now = 0.0
        self.calls: list[int] = []

    def move(self, circuit: Circuit) -> None:
        if circuit.state is not self.circuit.state:
            assert circuit.epoch > self.circuit.epoch
            assert circuit.since == self.now
            assert circuit.reason
        self.circuit = circuit

    @rule(seconds=st.sampled_from([0.0, 1.0, 29.0, 30.0, 60.0, 1000.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def call(self) -> None:
        before = self.circuit
        circuit, admitted = admit(before, SETTINGS, self.now)
        self.move(circuit)
        if admitted:
            self.calls.append(circuit.epoch)
        if before.state is State.CLOSED:
            assert admitted
        if before.state is State.OPEN:
            assert admitted == (self.now - before.since >= SETTINGS.reset_timeout)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), outcome=st.sampled_from(["well", "badly", "given up"]))
    def end(self, data: st.DataObject, outcome: str) -> None:
        epoch = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        before = self.circuit
        if outcome == "well":
            self.move(succeed(before, epoch, self.now))
        elif outcome == "badly":
            self.move(fail(before, SETTINGS, epoch, self.now))
        else:
            self.move(abandon(before, epoch))
        if epoch != before.epoch:
            assert self.circuit == before

    @rule()
    def timer(self) -> None:
        self.move(expire(self.circuit, SETTINGS, self.now))

    @invariant()
    def closed_has_fewer_failures_than_the_threshold(self) -> None:
        if self.circuit.state is State.CLOSED:
            assert self.circuit.failures < SETTINGS.failure_threshold

    @invariant()
    def only_half_open_probes_and_only_once(self) -> None:
        if self.circuit.probing:
            assert self.circuit.state is State.HALF_OPEN
        if self.circuit.state is State.HALF_OPEN:
            assert self.calls.count(self.circuit.epoch) == int(self.circuit.probing)


TestBreaker = Breaker.TestCase
TestBreaker.settings = hypothesis_settings(max_examples=150, stateful_step_count=40, deadline=None)
