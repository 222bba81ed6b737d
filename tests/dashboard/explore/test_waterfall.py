from __future__ import annotations

from hypothesis import given, settings

from dashboard.explore.outline import View, outline
from dashboard.explore.spending import spend
from dashboard.explore.story import Handling, Story, build_story
from dashboard.explore.waterfall import (
    Drawn,
    draw,
    draw_density,
    draw_gaps,
    draw_segments,
    ticks,
)
from tests.dashboard.explore.test_story import Event, events, handlings


def drawn(story: Story) -> list[Drawn]:
    return draw(story, outline(story, {}, View()))


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

    lane = drawn(story)[0].lanes[0]

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


def test_copies_and_fold_of_like_siblings_are_drawn_where_they_happened() -> None:
    many = [Event(f"e{n:02}", 100 + n, "a") for n in range(80)]
    story = build_story("corr", [Event("a", 0), Event("a", 1000), *many])

    lines = draw(story, outline(story, {}, View()), failed={"e07"})
    fold = next(line for line in lines if line.fold)

    assert lines[0].copies == [100.0]
    assert [(cell.x, round(cell.failed, 1)) for cell in fold.cells] == [
        (10.0, 5.0),
        (12.0, 0.0),
        (14.0, 0.0),
        (16.0, 0.0),
    ]


def test_story_of_one_moment_is_drawn_at_the_left() -> None:
    story = build_story("corr", [Event("a", 5)])

    assert (drawn(story)[0].x, drawn(story)[0].offset_ms) == (0.0, 0)
    assert ticks(story)[-1] == (100.0, 0.0)


@settings(max_examples=80, deadline=None)
@given(events=events, handlings=handlings)
def test_every_mark_lies_inside_the_drawing(events: list[Event], handlings: list[Handling]) -> None:
    story = build_story("corr", events, handlings)
    marks = [mark for line in drawn(story) for lane in line.lanes for mark in lane.marks]
    marks += [mark for mark, _ in draw_gaps(story)]
    marks += [mark for mark, _ in draw_segments(story, spend(story))]

    for mark in marks:
        assert mark.width > 0
        assert mark.x >= 0
        assert mark.x + mark.width <= 100.001
    for cell in draw_density(story, {"a": "failed"}):
        assert 0 <= cell.x <= 100 - cell.width
        assert 0 <= cell.failed <= cell.height <= 100
