"""A rule tried on the past, in table form: values by step → when it would have fired."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.alerts.drawing import MOST_LINES, draw_replay
from dashboard.alerts.replaying import MOST_SPANS, History, Span, replay
from dashboard.alerts.rule import Rule

STEP = 300_000
RULE = Rule(
    "r", "R", "error_rate", above=0.5, clear=0.4, unit="share", severity="critical",
    explanation="", for_s=600, clear_s=300,
)  # fmt: skip
AT_ONCE = replace(RULE, for_s=0, clear_s=0)
NAN = float("nan")


def history(*lines: list[float], names: str = "abcdefghijkl") -> History:
    values = np.array(lines, np.float64).T
    times = [step * STEP for step in range(values.shape[0])]
    known = [True] * len(times)
    return History(
        "error_rate", times, STEP, tuple(names[: len(lines)]), values, values * 0 + 99, known
    )


def told(rule: Rule, *lines: list[float]) -> list[tuple[str, int, int, bool]]:
    """(subject, the step at whose end it fires, at whose end it is over, whether it is over)."""
    return [
        (span.subject, span.from_ms // STEP - 1, span.until_ms // STEP - 1, span.ended)
        for span in replay(rule, history(*lines)).spans
    ]


@pytest.mark.parametrize(
    ("name", "rule", "values", "expected"),
    [
        ("nothing holds", RULE, [0.1, 0.5, 0.2], []),
        ("too short for its for", RULE, [0.9, 0, 0.9, 0], []),
        ("two steps are ten minutes", RULE, [0, 0.9, 0.9, 0.9, 0, 0], [("a", 2, 4, True)]),
        ("one step is enough for five", replace(RULE, for_s=300), [0, 0.9, 0], [("a", 1, 2, True)]),
        ("between the thresholds it goes on", AT_ONCE, [0.9, 0.45, 0.45, 0.4], [("a", 0, 3, True)]),
        ("it still fires at the end", AT_ONCE, [0, 0, 0.9], [("a", 2, 2, False)]),
        ("a gap neither fires nor ends", RULE, [0.9, NAN, NAN, 0.9, NAN, 0], [("a", 3, 5, True)]),
        ("a gap counts as trouble if the rule says so", replace(AT_ONCE, no_data="firing"), [0, NAN, NAN, 0], [("a", 1, 3, True)]),
        ("a gap ends it if the rule says so", replace(AT_ONCE, no_data="ok"), [0.9, NAN, 0.9], [("a", 2, 2, False), ("a", 0, 1, True)]),
        ("it must stay clear", replace(AT_ONCE, clear_s=600), [0.9, 0, 0.9, 0, 0, 0], [("a", 0, 4, True)]),
        ("below", replace(AT_ONCE, above=None, below=0.5, clear=0.6), [0.9, 0.1, 0.55, 0.6], [("a", 1, 3, True)]),
    ],
)  # fmt: skip
def test_values_lead_to_spans(
    name: str, rule: Rule, values: list[float], expected: list[tuple[str, int, int, bool]]
) -> None:
    assert told(rule, values) == expected, name


def test_each_member_fires_for_itself_the_newest_first() -> None:
    assert told(AT_ONCE, [0.9, 0.9, 0], [0, 0.9, 0]) == [("b", 1, 2, True), ("a", 0, 2, True)]


def test_a_step_with_too_little_volume_is_clear() -> None:
    few = replace(AT_ONCE, minimum=100)
    assert told(few, [0.9, 0.9]) == []


def test_peak_is_the_worst_of_the_span() -> None:
    (span,) = replay(AT_ONCE, history([0.6, 0.9, 0.7, 0])).spans
    assert span.peak == 0.9


def test_a_rule_that_fires_all_the_time_is_told_to_a_bound() -> None:
    found = replay(AT_ONCE, history([0.9, 0] * (MOST_SPANS + 5)))
    assert (len(found.spans), found.whole) == (MOST_SPANS, False)


def naive(values: list[float], for_steps: int, clear_steps: int) -> list[tuple[int, int, bool]]:
    """Step by step in words, for rules that keep their state without data."""
    spans, since, held, clear = [], None, 0, 0
    for step, value in enumerate(values):
        if value != value:
            continue
        if value > 0.5:
            held, clear = held + 1, 0
            if since is None and held >= max(1, for_steps):
                since = step
        elif value <= 0.4:
            if since is None:
                held = 0
            else:
                clear += 1
                if clear >= max(1, clear_steps):
                    spans.append((since, step, True))
                    since, held, clear = None, 0, 0
        else:
            clear = 0
    return spans + ([(since, len(values) - 1, False)] if since is not None else [])


@given(
    values=st.lists(st.sampled_from([0.1, 0.4, 0.45, 0.6, 0.9]), min_size=1, max_size=40),
    for_steps=st.integers(0, 4),
    clear_steps=st.integers(0, 4),
)
@settings(max_examples=300, deadline=None)
def test_replay_is_what_a_naive_count_finds(
    values: list[float], for_steps: int, clear_steps: int
) -> None:
    rule = replace(RULE, for_s=for_steps * 300, clear_s=clear_steps * 300)
    found = sorted((begin, end, ended) for _, begin, end, ended in told(rule, values))
    assert found == naive(values, for_steps, clear_steps)


def test_the_chart_shows_limits_gaps_and_when_it_fired() -> None:
    past = history([0.9, 0.9, NAN, 0.1], [0.2, 0.2, NAN, 0.2])
    past = replace(past, known=[True, True, False, True])
    figure = draw_replay(AT_ONCE, past, replay(AT_ONCE, past).spans)
    shapes = {shape["name"]: shape for shape in figure["layout"]["shapes"]}
    assert (shapes["gap"]["x0"], shapes["gap"]["x1"]) == (2 * STEP, 3 * STEP)
    assert (shapes["fired"]["x0"], shapes["fired"]["x1"]) == (STEP, 4 * STEP)
    assert [one["y0"] for one in figure["layout"]["shapes"] if one["name"] == "limit"] == [0.5, 0.4]
    assert [trace["name"] for trace in figure["data"]] == ["a", "b"]
    assert figure["data"][0]["y"] == [0.9, 0.9, None, 0.1]


def test_the_chart_shows_those_that_fired_of_many_and_overlapping_spans_once() -> None:
    past = history(*[[0.1 * (n % 4), 0.0] for n in range(12)])
    spans = [Span("c", 100, 300, 0.1, ended=True), Span("d", 200, 400, 0.1, ended=True)]
    figure = draw_replay(AT_ONCE, past, spans)
    assert len(figure["data"]) == MOST_LINES
    assert [trace["name"] for trace in figure["data"]][:2] == ["d", "c"]
    fired = [shape for shape in figure["layout"]["shapes"] if shape["name"] == "fired"]
    assert [(shape["x0"], shape["x1"]) for shape in fired] == [(100, 400)]


@pytest.mark.parametrize(("unseen", "begins"), [(0, 0), (100, 97), (199, 176), (200, 0)])
def test_a_young_house_is_drawn_from_its_beginning(unseen: int, begins: int) -> None:
    past = replace(history([0.1] * 200), known=[False] * unseen + [True] * (200 - unseen))
    assert draw_replay(AT_ONCE, past, [])["layout"]["xaxis"]["range"] == [begins * STEP, 200 * STEP]


def test_hostile_names_are_shown_as_they_are() -> None:
    past = replace(history([0.1]), subjects=("<b>%{y}</b>",))
    (trace,) = draw_replay(AT_ONCE, past, [])["data"]
    assert "<b>" not in trace["name"]
    assert "%{y}" not in trace["hovertemplate"].partition(" ")[2]
