"""Columns of readings against a naive recount, one member after the other."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.alerts.evaluate import Open, Standing, evaluate_readings
from dashboard.alerts.readings import Observation, Readings, matches
from dashboard.alerts.rules import Rule

RULE = Rule(
    "r", "R", "error_rate", above=0.5, clear=0.4, unit="share", severity="critical", explanation=""
)
values = st.one_of(st.none(), st.sampled_from([0.0, 0.39, 0.4, 0.45, 0.5, 0.500001, 0.9]))
members = st.lists(st.tuples(values, st.sampled_from([0, 9, 10, 1000])), max_size=12)
rules = st.builds(
    lambda below, minimum, no_data, own, for_s: replace(
        RULE,
        above=None if below else 0.5,
        below=0.5 if below else None,
        clear=0.6 if below else 0.4,
        minimum=minimum,
        no_data=no_data,
        overrides={"m1": 0.45} if own else {},
        for_s=for_s,
    ),
    st.booleans(), st.sampled_from([0, 10]), st.sampled_from(["keep", "firing", "ok"]),
    st.booleans(), st.sampled_from([0, 60]),
)  # fmt: skip


def holds(rule: Rule, item: Observation) -> bool:
    """The sentence of the docs, said plainly."""
    if item.value is None:
        return rule.no_data == "firing"
    limit = 0.45 if rule.overrides and item.subject == "m1" else 0.5
    beyond = item.value > limit if rule.above is not None else item.value < limit
    return beyond and item.volume >= rule.minimum


@given(rule=rules, told=members, open_ones=st.sets(st.integers(0, 14)))
@settings(max_examples=200, deadline=None)
def test_what_opens_is_what_a_naive_recount_finds(
    rule: Rule, told: list[tuple[float | None, float]], open_ones: set[int]
) -> None:
    seen = [Observation("error_rate", f"m{n}", *item) for n, item in enumerate(told)]
    standing = [Standing(n, "r", f"m{n}", "firing", 0, 0, 0) for n in open_ones]
    intents = evaluate_readings([(rule, Readings.of("error_rate", seen))], standing, 1000)
    opened = {i.observation.subject for i in intents if isinstance(i, Open)}
    expected = {item.subject for item in seen if holds(rule, item)} - {s.subject for s in standing}
    assert opened == expected
    assert len(intents) == len(opened) + len(standing)


@given(
    volumes=st.lists(st.integers(0, 50), max_size=30),
    most=st.integers(1, 8),
    kept=st.sets(st.integers(0, 40), max_size=3),
)
@settings(max_examples=100, deadline=None)
def test_bound_keeps_open_ones_and_then_the_busiest_and_counts_the_rest(
    volumes: list[int], most: int, kept: set[int]
) -> None:
    readings = Readings.of(
        "error_rate", [Observation("error_rate", f"m{n}", 1.0, v) for n, v in enumerate(volumes)]
    )
    found = readings.bounded(most, [f"m{n}" for n in kept])
    chosen = {int(name[1:]) for name in found.subjects}
    there = set(range(len(volumes)))
    assert len(chosen) == min(most, len(volumes))
    assert found.left_out == len(volumes) - len(chosen)
    if len(kept & there) <= most:
        assert kept & there <= chosen
        dull = max((volumes[n] for n in there - chosen), default=-1)
        assert all(volumes[n] >= dull for n in chosen - kept)


def test_unknown_and_absent_members_are_told_apart_from_zero() -> None:
    readings = Readings.of("x", [Observation("x", "a", None), Observation("x", "b", 0.0)])
    assert [readings.find(name).value for name in "abc"] == [None, 0.0, None]
    assert replace(readings, absent=0.0).find("c").value == 0.0
    assert readings.unknown == 1
    assert math.isnan(readings.values[0])


def test_globs_match_whole_names() -> None:
    assert matches((), "anything")
    assert matches(("pay*", "ship"), "payment")
    assert not matches(("pay*", "ship"), "shipping")
    assert not matches(("pay",), "payment")
