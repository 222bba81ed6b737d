from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.explore.entities.fold import MOST_NODES, Fold, guarded
from eventscope.envelope import Event, new_event
from eventscope.errors import ReducerError
from eventscope.reducers import Step, declared_reducer, merge_reducer

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

KEEP = declared_reducer(
    [Step(("*",), "append", ("xs",), ("payload", "x")), Step(("*",), "count", ("n",), None, 1)]
)
PAYLOADS = st.lists(
    st.dictionaries(st.sampled_from("abx"), st.none() | st.integers(0, 3), max_size=3)
    | st.just([]),
    max_size=25,
)


def events_of(payloads: list[Any]) -> list[Event]:
    return [new_event("CHANGED", payload) for payload in payloads]


def brute_force(payloads: list[Any]) -> Any:
    """The state by folding from the start with nothing kept; a payload that is none is passed by."""
    state: dict[str, Any] = {}
    for payload in payloads:
        if isinstance(payload, dict):
            state = {
                **state,
                **{name: value for name, value in payload.items() if value is not None},
            }
            state = {
                name: value for name, value in state.items() if payload.get(name, 0) is not None
            }
    return state


@RELAXED
@given(PAYLOADS, st.integers(1, 7), st.data())
def test_state_at_a_step_is_the_fold_of_the_events_before_it(
    payloads: list[Any], every: int, data: st.DataObject
) -> None:
    fold = Fold(events_of(payloads), merge_reducer, every=every)

    for step in data.draw(st.lists(st.integers(0, len(payloads)), max_size=6)):
        assert fold.state_after(step) == brute_force(payloads[:step])
        wrong = {at for at, payload in enumerate(payloads[:step]) if payload == []}
        assert wrong <= set(fold.errors)


@RELAXED
@given(PAYLOADS, st.integers(1, 7))
def test_snapshots_change_nothing(payloads: list[Any], every: int) -> None:
    events = events_of(payloads)
    with_snapshots, without = Fold(events, KEEP, every=every), Fold(events, KEEP, every=10**6)

    with_snapshots.state_after(len(events))

    assert with_snapshots.states(0, len(events)) == without.states(0, len(events))


def test_skipped_events_change_nothing() -> None:
    fold = Fold(events_of([{"a": 1}, {"a": 2}, {"b": 3}]), merge_reducer, skipped={1})
    assert fold.states(1, 3) == [{"a": 1}, {"a": 1}, {"a": 1, "b": 3}]


def test_folding_ends_when_its_time_is_used_up_and_says_where() -> None:
    fold = Fold(events_of([{"a": 1}, {"a": 2}]), merge_reducer, seconds=0.0)

    assert fold.state_after(2) == {"a": 1}
    assert fold.stopped == 1
    assert fold.errors == {0: "rebuilding took too long: later events are not in the state"}


def test_state_that_grows_too_large_ends_the_folding() -> None:
    wide = {"xs": list(range(MOST_NODES + 1))}
    fold = Fold(events_of([wide, {"a": 1}]), merge_reducer, every=1)

    assert "a" not in fold.state_after(2)
    assert fold.stopped == 1
    assert "the state has more than" in fold.errors[0]


def test_ten_thousand_events_are_folded_within_their_time() -> None:
    fold = Fold(events_of([{"x": number} for number in range(10_000)]), KEEP)
    assert fold.state_after(10_000)["n"] == 10_000
    assert fold.stopped is None


def endless(state: Any, event: Event) -> Any:
    while True:
        try:
            state["n"] = 1
        except Exception:  # noqa: BLE001, S112 (what a reducer must not do)
            continue


def test_reducer_that_never_ends_is_ended() -> None:
    with pytest.raises(ReducerError, match=r"it took longer than 0\.05 s"):
        guarded(endless, seconds=0.05)({}, new_event("A"))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda state, event: event.payload["missing"], "KeyError: 'missing'"),
        (lambda state, event: None, "it returned nothing"),
        (lambda state, event: {"x": object()}, "what it returned is no JSON"),
        (lambda state, event: "x" * 1_000_001, "1,000,003 bytes of 1,000,000"),
        (lambda state, event: {1: 2}, "what it returned is no JSON"),
    ],
)
def test_what_a_reducer_does_wrong_is_told(function: Any, reason: str) -> None:
    with pytest.raises(ReducerError, match=reason):
        guarded(function)({}, new_event("A", {}))


def test_reducer_cannot_change_what_it_is_given() -> None:
    def greedy(state: Any, event: Event) -> Any:
        event.payload["x"].append(9)
        state["seen"] = [*state.get("seen", []), len(event.payload["x"])]
        return state

    events = events_of([{"x": [1]}, {"x": [1, 2]}])
    fold = Fold(events, guarded(greedy), every=1)

    assert fold.states(0, 2) == [{}, {"seen": [2]}, {"seen": [2, 3]}]
    assert fold.states(0, 2) == [{}, {"seen": [2]}, {"seen": [2, 3]}]
    assert [event.payload for event in events] == [{"x": [1]}, {"x": [1, 2]}]


def test_what_a_reducer_returns_is_told_as_json() -> None:
    day = datetime.date(2026, 11, 24)
    assert guarded(lambda state, event: {"day": day})({}, new_event("A")) == {"day": "2026-11-24"}
