from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.explore.outline import Fold, Line, View, outline
from dashboard.explore.story import Missing, Step, Story, build_story
from tests.dashboard.explore.test_story import Event


def told(lines: list[Line]) -> list[str]:
    """Each line as dots for its depth, a sign for its state, its id, and what is below it."""
    signs = {"leaf": "", "open": "-", "closed": "+"}
    return [
        f"{'.' * line.depth}{signs[line.state]}{line.event_id}"
        + (f"×{len(line.row.steps)}" if isinstance(line.row, Fold) else "")
        + (f" {line.below}" if line.below else "")
        + (" context" if line.context else "")
        for line in lines
    ]


def wide() -> Story:
    """A root, seventy like children of which each tenth has one of its own, and one that is unlike."""
    children = [Event(f"c{n:02}", 10 + n, "a", event_type="STOCK") for n in range(70)]
    below = [Event(f"d{n:02}", 200 + n, f"c{n:02}", event_type="PAID") for n in range(0, 70, 10)]
    return build_story("corr", [Event("a", 0), *children, Event("z", 500, "a"), *below])


SMALL = [Event("a", 0), Event("b", 1, "a"), Event("c", 2, "b"), Event("d", 3, "a")]


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(), ["-a 3", ".-b 1", "..c", ".d"]),
        (View(closed=frozenset("b")), ["-a 3", ".+b 1", ".d"]),
        (View(show="roots"), ["+a 3"]),
        (View(show="roots", opened=frozenset("a")), ["-a 3", ".+b 1", ".d"]),
        (View(show="roots", wanted="c"), ["-a 3", ".-b 1", "..c", ".d"]),
        (View(types=frozenset(["THING"])), ["-a 3", ".-b 1", "..c", ".d"]),
        (View(types=frozenset(["NONE"])), []),
        (View(failures=True), ["-a 2 context", ".-b 1 context", "..c"]),
    ],
)
def test_lines_follow_what_the_reader_has_chosen(view: View, expected: list[str]) -> None:
    assert told(outline(build_story("corr", SMALL), {"c": "failed"}, view)) == expected


def test_like_siblings_of_a_large_story_are_one_line_that_counts_them() -> None:
    outcomes = {"c03": "failed", "c04": "dead_lettered", "c05": "delivered"}
    lines = outline(wide(), outcomes, View())

    assert told(lines) == ["-a 78", ".+c00×70 77", ".z"]
    assert [line.row.failed for line in lines if isinstance(line.row, Fold)] == [2]


def test_opened_fold_shows_its_members_with_what_is_below_them() -> None:
    lines = told(outline(wide(), {}, View(unfolded=frozenset(["c00"]))))

    assert lines[:4] == ["-a 78", ".-c00×70 77", "..-c00 1", "...d00"]
    assert len(lines) == 80


def test_wanted_event_and_its_causes_are_not_folded_away() -> None:
    assert told(outline(wide(), {}, View(wanted="d30"))) == [
        "-a 78",
        ".+c00×69 75",
        ".-c30 1",
        "..d30",
        ".z",
    ]


def test_unfolded_story_has_a_line_for_each_event() -> None:
    lines = outline(wide(), {}, View(show="all"))
    assert sum(isinstance(line.row, Step) for line in lines) == 79


def test_service_filter_knows_publishers_and_consumers() -> None:
    story = build_story("corr", [replace(SMALL[0], source="shop"), replace(SMALL[1], source="pay")])
    assert told(outline(story, {}, View(services=frozenset(["pay"])))) == ["-a 1 context", ".b"]


def test_deep_chain_is_outlined_without_recursion() -> None:
    chain = [Event(f"e{n}", n, f"e{n - 1}" if n else "") for n in range(5000)]
    assert len(outline(build_story("corr", chain), {}, View())) == 5000


names = st.sampled_from([f"e{n}" for n in range(120)])
crowds = st.lists(
    st.builds(
        Event,
        event_id=names,
        appended_ms=st.integers(1000, 2000),
        causation_id=st.sampled_from(["", "e0", "e1", "e2", "e3", "gone"]),
        event_type=st.sampled_from(["A", "B"]),
    ),
    min_size=60,
    max_size=120,
)


@settings(max_examples=60, deadline=None)
@given(
    events=crowds,
    show=st.sampled_from(["", "all", "roots"]),
    closed=st.frozensets(names, max_size=3),
    unfolded=st.frozensets(names, max_size=3),
    wanted=st.just("") | names,
    failures=st.booleans(),
)
def test_every_event_stands_once_or_is_counted_by_what_hides_it(
    events: list[Event], show: str, closed: frozenset[str], unfolded: frozenset[str],
    wanted: str, failures: bool,
) -> None:  # fmt: skip
    story = build_story("corr", events)
    outcomes = {f"e{n}": "failed" for n in range(0, 120, 7)}
    view = View(
        show=show,  # type: ignore[arg-type]
        closed=closed, unfolded=unfolded, wanted=wanted, failures=failures,
    )  # fmt: skip
    lines = outline(story, outcomes, view)

    shown = [line.event_id for line in lines if not isinstance(line.row, Fold)]
    hidden = sum(line.below for line in lines if line.state == "closed")
    everything = outline(story, outcomes, View(show="all", failures=failures))
    events_of_all = [line for line in everything if isinstance(line.row, Step | Missing)]
    assert len(shown) == len(set(shown))
    assert len(shown) + hidden == len(events_of_all)
    assert all(line.depth >= 0 and line.below >= 0 for line in lines)
