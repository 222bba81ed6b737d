from __future__ import annotations

from hypothesis import given, settings

from dashboard.explore.story import Handling, build_story
from dashboard.explore.waterfall import draw, draw_gaps, ticks
from tests.dashboard.explore.test_story import Event, events, handlings


def test_lane_shows_waiting_every_attempt_and_what_lay_between() -> None:
    story = build_story(
        "corr",
        [Event("a", 0), Event("z", 1000)],
        [
            Handling(
                event_id="a", consumer="pay", outcome="retry", started_ms=100, ended_ms=200,
                error_type="Timeout",
            ),
            Handling(
                event_id="a", consumer="pay", outcome="success", attempt=2, started_ms=600,
                ended_ms=900,
            ),
        ],
    )  # fmt: skip

    lane = draw(story)[0].lanes[0]

    assert [(mark.kind, mark.x, mark.width) for mark in lane.marks] == [
        ("queue", 0.0, 10.0),
        ("wait", 20.0, 40.0),
        ("retry", 10.0, 10.0),
        ("success", 60.0, 30.0),
    ]
    assert (lane.outcome, lane.attempts, lane.queue_ms, lane.processing_ms) == (
        "success",
        2,
        100,
        400.0,
    )
    assert [bar.handling.error_type for bar in lane.errors] == ["Timeout"]


def test_page_of_rows_is_a_part_of_all() -> None:
    story = build_story("corr", [Event(f"e{n}", n) for n in range(30)])

    assert [line.step.event_id for line in draw(story, first=10, count=5) if line.step] == [
        f"e{n}" for n in range(10, 15)
    ]


def test_story_of_one_moment_is_drawn_at_the_left() -> None:
    story = build_story("corr", [Event("a", 5)])

    assert (draw(story)[0].x, draw(story)[0].offset_ms) == (0.0, 0)
    assert ticks(story)[-1] == (100.0, 0.0)


@settings(max_examples=80, deadline=None)
@given(events=events, handlings=handlings)
def test_every_mark_lies_inside_the_drawing(events: list[Event], handlings: list[Handling]) -> None:
    story = build_story("corr", events, handlings)
    marks = [mark for line in draw(story) for lane in line.lanes for mark in lane.marks]
    marks += [mark for mark, _ in draw_gaps(story)]

    for mark in marks:
        assert mark.width > 0
        assert mark.x >= 0
        assert mark.x + mark.width <= 100.001
