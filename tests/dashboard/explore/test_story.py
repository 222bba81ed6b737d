from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.explore.story import Handling, Missing, Step, Story, build_story


@dataclass(frozen=True)
class Event:
    event_id: str
    appended_ms: int
    causation_id: str = ""
    occurred_ms: int | None = None
    source: str = "service"
    correlation_id: str = "corr"
    event_type: str = "THING"
    topic: str = "topic"


def outline(story: Story) -> list[str]:
    """Each row as dots for its depth and its id; a missing one with a question mark."""
    return [
        "." * row.depth + row.event_id + ("?" if isinstance(row, Missing) else "")
        for row in story.rows
    ]


def step(story: Story, event_id: str) -> Step:
    return next(step for step in story.steps if step.event_id == event_id)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([Event("a", 10)], ["a"], id="one"),
        pytest.param(
            [Event("c", 30, "b"), Event("b", 20, "a"), Event("a", 10)],
            ["a", ".b", "..c"],
            id="a chain in any order",
        ),
        pytest.param(
            [Event("a", 10), Event("c", 30, "a"), Event("b", 20, "a"), Event("d", 40, "b")],
            ["a", ".b", "..d", ".c"],
            id="siblings by time, children below their own cause",
        ),
        pytest.param(
            [Event("b", 20, "gone"), Event("a", 10), Event("c", 30, "gone")],
            ["a", "gone?", ".b", ".c"],
            id="a missing parent stands where its first child does",
        ),
        pytest.param(
            [Event("a", 10, "corr"), Event("b", 20, "b")],
            ["a", "b"],
            id="a cause that is the correlation or the event itself names nothing",
        ),
        pytest.param(
            [Event("a", 10, "c"), Event("b", 20, "a"), Event("c", 30, "b"), Event("d", 40, "c")],
            ["a", ".b", "..c", "...d"],
            id="a ring is cut before its earliest event",
        ),
        pytest.param(
            [Event("a", 10), Event("b", 15, "a"), Event("a", 20)],
            ["a", ".b"],
            id="copies are one row",
        ),
    ],
)
def test_rows_are_a_causal_forest(events: list[Event], expected: list[str]) -> None:
    assert outline(build_story("corr", events)) == expected


def test_ring_is_marked_and_its_edges_are_kept() -> None:
    story = build_story("corr", [Event("a", 10, "b"), Event("b", 20, "a")])

    assert step(story, "a").state == "ring"
    assert step(story, "a").parent == "b"
    assert story.edges == [("b", "a"), ("a", "b")]


def test_copies_are_counted_with_their_places() -> None:
    story = build_story("corr", [Event("a", 30), Event("a", 10), Event("a", 20)])

    assert step(story, "a").event.appended_ms == 10
    assert [copy.appended_ms for copy in step(story, "a").copies] == [20, 30]


def test_missing_parent_is_named_with_its_children() -> None:
    story = build_story("corr", [Event("b", 20, "gone"), Event("c", 30, "gone")])

    assert [(gone.event_id, gone.children) for gone in story.missing] == [("gone", ["b", "c"])]
    assert step(story, "b").state == "orphan"
    assert story.edges == []


def test_child_before_its_cause_is_moved_and_said_so() -> None:
    story = build_story(
        "corr",
        [
            Event("a", 1000, occurred_ms=1000, source="orders"),
            Event("b", 1100, "a", occurred_ms=700, source="payments"),
        ],
    )

    assert (step(story, "b").at_ms, step(story, "b").shift_ms) == (1000, 300)
    assert story.skews == {"payments": 300}


@pytest.mark.parametrize(
    ("occurred", "expected"),
    [(None, 5000), (4900, 4900), (5001, 5000), (5000 - 86_400_001, 5000)],
)
def test_own_time_counts_only_when_the_broker_makes_it_believable(
    occurred: int | None, expected: int
) -> None:
    story = build_story("corr", [Event("a", 5000, occurred_ms=occurred)])
    assert story.started_ms == expected


def test_handlings_hang_at_their_event_with_queue_and_processing_time() -> None:
    story = build_story(
        "corr",
        [Event("a", 1000, occurred_ms=990)],
        [
            Handling(
                event_id="a", consumer="stock", outcome="success", started_ms=1030, ended_ms=1050
            ),
            Handling(
                event_id="a",
                consumer="pay",
                outcome="retry",
                started_ms=1010,
                ended_ms=1015,
                duration_ms=4.5,
            ),
            Handling(event_id="elsewhere", consumer="pay", outcome="success"),
        ],
    )

    bars = step(story, "a").bars
    assert [(bar.handling.consumer, bar.queue_ms, bar.processing_ms) for bar in bars] == [
        ("pay", 10, 4.5),
        ("stock", 30, 20.0),
    ]
    assert (story.started_ms, story.ended_ms, story.duration_ms) == (990, 1050, 60)


def test_handling_before_its_event_is_moved_whole() -> None:
    story = build_story(
        "corr",
        [Event("a", 1000)],
        [Handling(event_id="a", consumer="c", outcome="success", started_ms=900, ended_ms=950)],
    )

    bar = step(story, "a").bars[0]
    assert (bar.start_ms, bar.end_ms, bar.shift_ms, bar.queue_ms) == (1000, 1050, 100, 0)
    assert story.skews == {"c": 100}


@pytest.mark.parametrize(
    ("handling", "expected"),
    [
        (Handling(event_id="a", consumer="c", outcome="success"), (1000, 1000)),
        (
            Handling(event_id="a", consumer="c", outcome="success", ended_ms=1200, duration_ms=50),
            (1150, 1200),
        ),
        (
            Handling(event_id="a", consumer="c", outcome="success", started_ms=1200, ended_ms=1100),
            (1200, 1200),
        ),
        (
            Handling(
                event_id="a", consumer="c", outcome="success", started_ms=1200, duration_ms=30
            ),
            (1200, 1230),
        ),
    ],
)
def test_bar_is_never_negative_whatever_times_a_receipt_lacks(
    handling: Handling, expected: tuple[int, int]
) -> None:
    bar = step(build_story("corr", [Event("a", 1000)], [handling]), "a").bars[0]
    assert (bar.start_ms, bar.end_ms) == expected


def test_critical_path_leads_to_what_ended_last_and_shares_sum_to_the_whole() -> None:
    story = build_story(
        "corr",
        [Event("a", 0), Event("b", 40, "a"), Event("c", 50, "a"), Event("d", 70, "b")],
        [
            Handling(event_id="d", consumer="x", outcome="success", started_ms=80, ended_ms=100),
            Handling(event_id="c", consumer="x", outcome="success", started_ms=60, ended_ms=90),
        ],
    )

    assert story.critical_path == ["a", "b", "d"]
    assert [step(story, name).share for name in ("a", "b", "d")] == [0.4, 0.3, 0.3]
    assert not step(story, "c").critical


def test_quiet_stretch_is_named_between_the_events_around_it() -> None:
    story = build_story(
        "corr",
        [Event("a", 0), Event("b", 5000, "a"), Event("c", 5010, "b")],
        [Handling(event_id="a", consumer="x", outcome="success", started_ms=10, ended_ms=1000)],
    )

    assert [(gap.after, gap.before, gap.duration_ms) for gap in story.gaps] == [("a", "b", 4000)]


def test_redriven_copy_is_on_the_axis_and_what_handles_it_had_waited_for_it_alone() -> None:
    story = build_story(
        "corr",
        [Event("a", 1000), Event("a", 5000)],
        [
            Handling(event_id="a", consumer="x", outcome="failed", started_ms=1010, ended_ms=1020),
            Handling(
                event_id="a", consumer="x", outcome="success", attempt=2, started_ms=5003,
                ended_ms=5004,
            ),
        ],
    )  # fmt: skip

    assert [bar.queue_ms for bar in step(story, "a").bars] == [10, 3]
    assert build_story("corr", [Event("a", 1000), Event("a", 5000)]).ended_ms == 5000


def test_ten_thousand_events_deep_and_wide_are_built_in_a_second() -> None:
    deep = [Event(f"e{n}", n, f"e{n - 1}" if n else "") for n in range(5000)]
    wide = [Event(f"w{n}", n, "e0") for n in range(5000)]
    began = time.process_time()

    story = build_story("corr", deep + wide)

    assert len(story.rows) == 10_000
    assert time.process_time() - began < 1.5


ids = st.sampled_from("abcdefgh")
moments = st.integers(1_000_000, 1_002_000)
events = st.lists(
    st.builds(
        Event,
        event_id=ids,
        appended_ms=moments,
        causation_id=st.one_of(st.just(""), ids, st.sampled_from(["gone", "lost", "corr"])),
        occurred_ms=st.none() | moments,
    ),
    max_size=24,
)
handlings = st.lists(
    st.builds(
        Handling,
        event_id=ids,
        consumer=st.sampled_from(["x", "y"]),
        outcome=st.sampled_from(["success", "retry", "failed"]),
        started_ms=st.none() | moments,
        ended_ms=st.none() | moments,
        duration_ms=st.none() | st.floats(0, 500),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(events=events, handlings=handlings)
def test_every_story_is_whole_ordered_and_never_runs_backwards(
    events: list[Event], handlings: list[Handling]
) -> None:
    story = build_story("corr", events, handlings)
    seen: dict[str, int] = {}

    assert sorted(step.event_id for step in story.steps) == sorted({e.event_id for e in events})
    assert sum(1 + len(step.copies) for step in story.steps) == len(events)
    for row in story.rows:
        if isinstance(row, Step):
            assert story.started_ms <= row.at_ms <= row.end_ms <= story.ended_ms
            assert all(row.at_ms <= bar.start_ms <= bar.end_ms for bar in row.bars)
            assert all(bar.queue_ms >= 0 and bar.processing_ms >= 0 for bar in row.bars)
            if row.state in ("child", "orphan"):
                assert seen[row.parent] <= row.at_ms
        seen[row.event_id] = row.at_ms
    assert 0 <= sum(step.share for step in story.steps) <= 1.000001
