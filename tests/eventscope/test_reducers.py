from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventscope.envelope import Event, new_event
from eventscope.errors import ReducerError
from eventscope.reducers import (
    Step,
    declared_reducer,
    find_reducer,
    merge_patch,
    merge_reducer,
    reducer,
)

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

NAMES = st.sampled_from("abc")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merging_is_as_the_examples_of_rfc_7396(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


@RELAXED
@given(JSON, JSON)
def test_merging_changes_nothing_that_was_given_and_is_done_when_done_twice(
    target: Any, patch: Any
) -> None:
    before = copy.deepcopy((target, patch))

    merged = merge_patch(target, patch)

    assert (target, patch) == before
    assert merge_patch(merged, patch) == merged


def event(type: str = "ORDER_CREATED", **payload: Any) -> Event:
    return new_event(type, payload, source="shop")


def fold(steps: list[Step], *events: Event) -> Any:
    reduce, state = declared_reducer(steps), {}
    for one in events:
        state = reduce(state, one)
    return state


@pytest.mark.parametrize(
    ("step", "state"),
    [
        (Step(("*",), "merge", (), ("payload",)), {"x": 2, "y": {"z": 1}}),
        (Step(("*",), "merge", ("in", "it"), ("payload", "y")), {"in": {"it": {"z": 1}}}),
        (Step(("*",), "set", ("x",), ("payload", "x")), {"x": 2}),
        (Step(("*",), "set", ("s", "t"), None, "new"), {"s": {"t": "new"}}),
        (Step(("*",), "set", ("from",), ("metadata", "source")), {"from": "shop"}),
        (Step(("*",), "set", ("last",), ("eventType",)), {"last": "ORDER_PAID"}),
        (Step(("*",), "append", ("xs",), ("payload", "x")), {"xs": [1, 2]}),
        (Step(("*",), "count", ("n",), None, 1), {"n": 2}),
        (Step(("*",), "count", ("n",), ("payload", "x")), {"n": 3}),
        (Step(("ORDER_P*",), "count", ("n",), None, 1), {"n": 1}),
        (Step(("ORDER_CREATED", "ORDER_PAID"), "count", ("n",), None, 1), {"n": 2}),
        (Step(("*",), "set", ("x",), ("payload", "nowhere", "x")), {}),
        (Step(("*",), "remove", ("nothing", "there")), {}),
    ],
)
def test_each_verb_does_what_it_says(step: Step, state: Any) -> None:
    assert fold([step], event(x=1, y={"z": 1}), event("ORDER_PAID", x=2)) == state


def test_steps_are_done_in_order() -> None:
    steps = [
        Step(("*",), "merge", (), ("payload",)),
        Step(("ORDER_CANCELLED",), "remove", ("card", "number")),
        Step(("*",), "set", ("status",), ("eventType",)),
    ]

    state = fold(steps, event(card={"number": 4, "name": "x"}), event("ORDER_CANCELLED"))

    assert state == {"card": {"name": "x"}, "status": "ORDER_CANCELLED"}


def test_sums_of_amounts_are_what_people_expect() -> None:
    step = Step(("*",), "count", ("sum",), ("payload", "x"))
    assert fold([step], event(x=0.1), event(x=0.2)) == {"sum": 0.3}


@pytest.mark.parametrize(
    ("step", "payload", "reason"),
    [
        (Step(("*",), "merge", (), ("payload", "x")), {"x": [1]}, "a list cannot be merged"),
        (
            Step(("*",), "count", ("n",), ("payload", "x")),
            {"x": "5"},
            "n: a text cannot be counted",
        ),
        (Step(("*",), "count", ("n",), ("payload", "x")), {"x": True}, "n: true cannot be counted"),
        (Step(("*",), "count", ("had",), None, 1), {}, "had: a text cannot be counted"),
        (Step(("*",), "append", ("had",), None, 1), {}, "had is a text; expected a list"),
        (Step(("*",), "set", ("had", "x"), None, 1), {}, "x cannot be set in a text"),
        (Step(("*",), "count", ("f",), ("payload", "x")), {"x": 10**400}, "too large"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    step: Step, payload: dict[str, Any], reason: str
) -> None:
    state = {"had": "text", "f": 0.5}
    with pytest.raises(ReducerError, match=reason):
        declared_reducer([step])(state, event(**payload))
    assert state == {"had": "text", "f": 0.5}


def test_payload_that_is_no_object_is_not_merged() -> None:
    with pytest.raises(ReducerError, match="null cannot be merged; expected an object"):
        merge_reducer({}, new_event("ORDER_CREATED"))


def test_registered_function_is_found_by_its_name_in_the_module_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_state.py").write_text(
        "from eventscope.sourcing import reducer\n"
        "@reducer('found-by-name')\n"
        "def state(order, event):\n    return {'last': event.event_type}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    function = find_reducer("found-by-name", "shop_state")

    assert function({}, event()) == {"last": "ORDER_CREATED"}
    assert "shop_state" in sys.modules


@pytest.mark.parametrize(
    ("name", "module", "reason"),
    [
        ("nowhere", "", "no reducer is registered as 'nowhere'"),
        ("x", "no.such.module", "module no.such.module cannot be imported: ModuleNotFoundError"),
    ],
)
def test_reducer_that_is_not_there_is_named(name: str, module: str, reason: str) -> None:
    with pytest.raises(ReducerError, match=reason):
        find_reducer(name, module)


def test_two_functions_of_one_name_are_refused() -> None:
    @reducer("only-one")
    def first(state: Any, event: Event) -> Any:
        return state

    with pytest.raises(ReducerError, match="two reducers are called 'only-one'"):

        @reducer("only-one")
        def second(state: Any, event: Event) -> Any:
            return state

    assert find_reducer("only-one") is first
