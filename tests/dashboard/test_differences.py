from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.differences import Change, difference, same
from dashboard.explore.entities.tree import state_tree

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

NAMES = st.sampled_from(["a", "b", "id", "itemId"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.just(1.0) | st.sampled_from("xy"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=25,
)
ITEMS = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 5), "n": st.integers(0, 2)}),
    max_size=6,
    unique_by=lambda item: item["id"],
)


def made(before: Any, changes: list[Change], path: tuple[Any, ...] = ()) -> Any:
    """``before`` with the changes made: the other way round, by brute force."""
    for change in changes:
        if change.path == path and change.kind != "removed":
            return change.after
    here = [change for change in changes if change.path[: len(path)] == path]
    direct = [change for change in here if len(change.path) == len(path) + 1]
    gone = {change.path[-1] for change in direct if change.kind == "removed"}
    new = {change.path[-1]: change.after for change in direct if change.kind == "added"}
    if isinstance(before, dict):
        kept = {name: value for name, value in before.items() if name not in gone}
        return {name: made(value, here, (*path, name)) for name, value in kept.items()} | new
    if isinstance(before, list):
        waiting = [item for at, item in enumerate(before) if at not in gone]
        result: list[Any] = []
        while waiting or len(result) in new:
            at = len(result)
            result.append(new[at] if at in new else made(waiting.pop(0), here, (*path, at)))
        return result
    return before


@RELAXED
@given(JSON, JSON)
def test_differences_lead_from_the_one_to_the_other(before: Any, after: Any) -> None:
    changes, whole = difference(before, after)

    assert whole
    assert same(made(before, changes), after)
    assert (changes == []) == same(before, after)
    assert not any(
        same(change.before, change.after) for change in changes if change.kind == "changed"
    )


@RELAXED
@given(ITEMS, ITEMS)
def test_items_are_told_apart_by_their_id(before: Any, after: Any) -> None:
    changes, _ = difference({"items": before}, {"items": after})
    assert same(made({"items": before}, changes), {"items": after})


@RELAXED
@given(JSON, JSON)
def test_any_state_and_its_changes_can_be_drawn(before: Any, after: Any) -> None:
    changes, _ = difference(before, after)
    html = state_tree(after, changes)
    assert html is not None
    assert html.count("data-mark=") == len(changes)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"status": "new"}, {"status": "paid"}, ["changed status"]),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, ["added a.c"]),
        ({"a": 1, "b": 2}, {"a": 1}, ["removed b"]),
        ({"n": 1}, {"n": 1.0}, ["changed n"]),
        ({"n": 1}, {"n": True}, ["changed n"]),
        ({"x": [1, 2]}, {"x": [1, 2, 3]}, ["added x[2]"]),
        ({"x": [1, 2, 3]}, {"x": [2, 3]}, ["removed x[0]"]),
        (
            {"items": [{"productId": "P1", "q": 1}, {"productId": "P2", "q": 1}]},
            {"items": [{"productId": "P2", "q": 5}]},
            ["changed items[productId=P2].q", "removed items[productId=P1]"],
        ),
        (
            {"items": [{"id": 1}, {"id": 2}]},
            {"items": [{"id": 2}, {"id": 1}]},
            ["changed items[0].id", "changed items[1].id"],
        ),
        ({"we.ird": 1}, {"we.ird": 2}, ['changed ["we.ird"]']),
        ({}, [], ["changed "]),
    ],
)
def test_change_is_told_with_its_place(before: Any, after: Any, told: list[str]) -> None:
    changes = difference(before, after).changes
    assert [f"{change.kind} {change.label}" for change in changes] == told


def test_no_more_changes_are_told_than_asked_for() -> None:
    after = {str(number): number for number in range(10)}
    assert difference({}, after, most=10).whole
    changes, whole = difference({}, after, most=9)
    assert (len(changes), whole) == (9, False)


def test_state_that_is_too_large_for_a_page_is_not_drawn() -> None:
    deep: Any = 1
    for _ in range(80):
        deep = [deep]
    assert state_tree(list(range(5000))) is None
    assert state_tree(deep) is None


def test_no_text_of_a_state_is_markup() -> None:
    evil = "<script>alert(1)</script>"
    before, after = {evil: evil, "gone": evil}, {evil: evil + "!", "new": [evil]}
    html = state_tree(after, difference(before, after).changes)
    assert html is not None
    assert "<script" not in html
    assert html.count("alert(1)") == 5
