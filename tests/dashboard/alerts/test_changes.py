"""What is over-represented: tables, and the measure against a plain recount."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.alerts.changes import LEAST, Change, Counted, rank_changes, rise_of


def counted(before: dict[str, int], during: dict[str, int], of: str = "failures") -> Counted:
    return Counted(of, "type", before, during)


@pytest.mark.parametrize(
    ("before", "during", "names"),
    [
        ({"a": 50, "b": 50}, {"a": 50, "b": 50}, []),
        ({"a": 500, "b": 500}, {"a": 900, "b": 100}, ["a"]),
        ({"a": 500, "b": 500}, {"a": 1, "b": 0}, []),
        ({"a": 1000}, {"a": 1000, "b": 1000}, ["b"]),
        ({"a": 1000}, {"a": 5}, []),
        ({}, {"a": 90, "b": 10}, ["a", "b"]),
        ({}, {"a": 90}, ["a"]),
        ({"a": 90}, {}, []),
        ({"a": 1000, "b": 10, "c": 10}, {"a": 700, "b": 400, "c": 200}, ["b", "c"]),
        ({"a": 1000, "b": 1}, {"a": 1000, "b": 20}, []),
    ],
)
def test_names_whose_share_rose_stand_in_order_of_their_rise(
    before: dict[str, int], during: dict[str, int], names: list[str]
) -> None:
    assert [change.name for change in rank_changes([counted(before, during)])] == names


def test_a_change_tells_counts_and_shares() -> None:
    (change,) = rank_changes([counted({"a": 900, "b": 100}, {"a": 50, "b": 150})])
    assert (change.name, change.before, change.during) == ("b", 100, 150)
    assert (change.share_before, change.share_during) == (0.1, 0.75)
    assert not change.is_new


def test_all_kinds_are_ranked_together_and_only_the_most_are_told() -> None:
    kinds = [
        counted({"x": 100, "y": 100}, {"x": 100 + 10 * n, "y": 100 - 10 * n}, of=f"kind {n}")
        for n in range(10)
    ]
    ranked = rank_changes(kinds, most=3)
    assert [change.of for change in ranked] == ["kind 9", "kind 8", "kind 7"]


COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 400), max_size=6)


def recount(before: dict[str, int], during: dict[str, int]) -> list[tuple[str, float]]:
    """By fractions, name by name, and sorted at the end."""
    now, then = sum(during.values()), sum(before.values())
    if not now:
        return []
    names = sorted(set(before) | set(during))
    if len(names) == 1 and before:
        return []
    found = []
    for name in names:
        n, m = during.get(name, 0), before.get(name, 0)
        share = Fraction(n, now) - (Fraction(m, then) if then else 0)
        pooled = Fraction(n + m, now + then)
        variance = pooled * (1 - pooled) * (Fraction(1, now) + (Fraction(1, then) if then else 0))
        rise = float(share) - float(variance) ** 0.5
        if name in during and rise >= LEAST:
            found.append((name, rise))
    return sorted(found, key=lambda one: -one[1])


@given(COUNTS, COUNTS)
def test_the_ranking_is_that_of_a_plain_recount(
    before: dict[str, int], during: dict[str, int]
) -> None:
    ranked = rank_changes([counted(before, during)])
    plain = recount(before, during)
    assert {change.name for change in ranked} == {name for name, _ in plain}
    assert [change.rise for change in ranked] == pytest.approx([rise for _, rise in plain])


@given(st.integers(0, 500), st.integers(1, 500), st.integers(0, 500), st.integers(1, 500))
def test_more_of_the_same_makes_a_rise_surer(n: int, more: int, m: int, others: int) -> None:
    once = rise_of(n, n + more, m, m + others)
    tenfold = rise_of(10 * n, 10 * (n + more), 10 * m, 10 * (m + others))
    assert tenfold >= once


def test_a_change_without_any_before_is_new() -> None:
    (change,) = rank_changes([counted({"a": 100}, {"a": 10, "b": 90})])
    assert isinstance(change, Change)
    assert change.is_new
