from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings

from dashboard.explore.spending import spend, total_by
from dashboard.explore.story import Handling, build_story
from tests.dashboard.explore.test_story import Event, events, handlings


def told(story_events: list[Event], story_handlings: list[Handling]) -> list[tuple[str, str, int]]:
    story = build_story("corr", story_events, story_handlings)
    return [(one.kind, one.service, one.duration_ms) for one in spend(story)]


def handled(event_id: str, consumer: str, start: int, end: int, attempt: int = 1) -> Handling:
    return Handling(
        event_id=event_id, consumer=consumer, outcome="success", attempt=attempt,
        started_ms=start, ended_ms=end,
    )  # fmt: skip


def test_path_is_published_queued_worked_on_and_retried() -> None:
    assert told(
        [Event("a", 10, occurred_ms=0, source="shop"), Event("b", 300, "a", source="pay")],
        [handled("a", "pay", 30, 50), handled("a", "pay", 250, 310, 2), handled("b", "mail", 320, 400)],
    ) == [
        ("publish", "shop", 10),
        ("queue", "pay", 20),
        ("processing", "pay", 20),
        ("retry", "pay", 200),
        ("processing", "pay", 50),
        ("queue", "mail", 20),
        ("processing", "mail", 80),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        pytest.param([], [("idle", "pay", 100)], id="no receipt tells"),
        pytest.param(
            [handled("a", "other", 10, 20), handled("a", "pay", 40, 90)],
            [("queue", "pay", 40), ("processing", "pay", 50), ("idle", "pay", 10)],
            id="the namesake of who published next",
        ),
        pytest.param(
            [handled("a", "x", 10, 20), handled("a", "y", 40, 120)],
            [("queue", "y", 40), ("processing", "y", 60)],
            id="else who was at work then",
        ),
        pytest.param(
            [handled("a", "x", 10, 20), handled("a", "y", 150, 160)],
            [("queue", "x", 10), ("processing", "x", 10), ("idle", "pay", 80)],
            id="else who began before",
        ),
    ],
)
def test_consumer_of_a_step_is_who_published_the_next(
    bars: list[Handling], expected: list[tuple[str, str, int]]
) -> None:
    story = [Event("a", 0), Event("b", 100, "a", source="pay"), Event("c", 300, "b", source="z")]
    assert told(story, bars)[: len(expected)] == expected


def test_time_before_the_path_and_after_it_is_told_as_idle() -> None:
    assert told(
        [Event("early", 0), Event("a", 50, source="shop"), Event("a", 200, source="shop")],
        [handled("a", "x", 60, 70)],
    ) == [("idle", "", 50), ("queue", "x", 10), ("processing", "x", 10), ("idle", "", 130)]


def test_totals_are_of_kinds_or_of_kinds_and_services() -> None:
    segments = spend(
        build_story(
            "corr",
            [Event("a", 0), Event("b", 60, "a", source="pay")],
            [handled("a", "pay", 20, 60), handled("b", "mail", 60, 100)],
        )
    )

    assert [
        (one.kind, one.duration_ms, one.share) for one in total_by(segments, service=False)
    ] == [
        ("processing", 80, 0.8),
        ("queue", 20, 0.2),
    ]
    assert [(one.kind, one.service) for one in total_by(segments, service=True)] == [
        ("processing", "mail"),
        ("processing", "pay"),
        ("queue", "pay"),
    ]


@settings(max_examples=150, deadline=None)
@given(events=events, handlings=handlings)
def test_stretches_lie_end_to_end_from_start_to_end(
    events: list[Event], handlings: list[Handling]
) -> None:
    story = build_story("corr", events, handlings)
    segments = spend(story)

    assert sum(one.duration_ms for one in segments) == story.duration_ms
    assert all(one.duration_ms > 0 for one in segments)
    assert all(before.until_ms == after.from_ms for before, after in pairwise(segments))
    if segments:
        assert (segments[0].from_ms, segments[-1].until_ms) == (story.started_ms, story.ended_ms)
        assert abs(sum(one.share for one in total_by(segments, service=True)) - 1) < 1e-9
