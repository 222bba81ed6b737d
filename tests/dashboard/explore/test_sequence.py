from __future__ import annotations

import itertools

from hypothesis import given, settings

from dashboard.explore.sequence import ARROWS_AT_ONCE, MOST_LANES, Diagram, draw_sequence
from dashboard.explore.story import Handling, build_story
from tests.dashboard.explore.test_story import Event, events, handlings


def told(diagram: Diagram) -> list[str]:
    return [
        f"{arrow.kind} {arrow.start.name}→{arrow.end.name}"
        + (f" {arrow.tone}" if arrow.tone else "")
        for arrow in diagram.arrows
    ]


def handled(consumer: str, outcome: str, start: int, attempt: int = 1) -> Handling:
    return Handling(
        event_id="a", consumer=consumer, outcome=outcome, attempt=attempt,
        started_ms=start, ended_ms=start + 5,
    )  # fmt: skip


def test_event_goes_over_its_topic_to_its_consumers_who_try_again_and_give_up() -> None:
    diagram = draw_sequence(
        build_story(
            "corr",
            [
                Event("a", 0, source="shop", topic="orders"),
                Event("b", 50, "a", source="stock", topic="stocks"),
                Event("a", 90, source="shop", topic="orders"),
            ],
            [
                handled("stock", "success", 10),
                handled("mail", "retry", 20),
                handled("mail", "dead_lettered", 60, 2),
            ],
        )
    )

    assert told(diagram) == [
        "publish shop→orders",
        "deliver orders→stock",
        "deliver orders→mail warn",
        "publish stock→stocks",
        "attempt mail→mail bad",
        "give_up mail→dead letters bad",
        "again shop→orders warn",
    ]
    assert [one.name for one in diagram.participants] == [
        "shop", "orders", "stock", "mail", "stocks", "dead letters",
    ]  # fmt: skip


def test_topic_and_service_of_one_name_are_two_lanes() -> None:
    diagram = draw_sequence(build_story("corr", [Event("a", 0, source="x", topic="x")]))
    assert [one.kind for one in diagram.participants] == ["service", "topic"]


def test_lanes_are_the_same_on_every_page() -> None:
    early = [Event(f"e{n:04}", n, source="shop", topic="orders") for n in range(ARROWS_AT_ONCE)]
    late = [Event(f"l{n:04}", 900 + n, source="stock", topic="orders") for n in range(5)]
    story = build_story("corr", [*early, *late])

    first, last = draw_sequence(story, first=0), draw_sequence(story, first=ARROWS_AT_ONCE)

    assert [one.name for one in first.participants] == ["shop", "orders", "stock"]
    assert first.participants == last.participants
    assert {arrow.start for arrow in last.arrows} == {last.participants[2]}


def test_of_very_many_lanes_a_page_has_those_of_its_arrows() -> None:
    many = [Event(f"e{n:04}", n, source=f"s{n}", topic="t") for n in range(ARROWS_AT_ONCE + 1)]

    last = draw_sequence(build_story("corr", many), first=ARROWS_AT_ONCE)

    assert len(many) > MOST_LANES
    assert [one.name for one in last.participants] == [f"s{ARROWS_AT_ONCE}", "t"]


def test_long_story_is_paged_and_opens_where_the_wanted_event_is() -> None:
    story = build_story("corr", [Event(f"e{n:04}", n) for n in range(450)])

    first = draw_sequence(story)
    last = draw_sequence(story, wanted="e0449")

    assert (len(first.arrows), first.first, first.total) == (ARROWS_AT_ONCE, 0, 450)
    assert (len(last.arrows), last.first) == (50, 400)
    assert draw_sequence(story, first=9999).arrows == []


def test_filter_leaves_out_what_does_not_fit() -> None:
    story = build_story("corr", [Event("a", 0), Event("b", 1)])
    assert [arrow.step.event_id for arrow in draw_sequence(story, only={"b"}).arrows] == ["b"]


@settings(max_examples=120, deadline=None)
@given(events=events, handlings=handlings)
def test_arrows_only_go_forward_and_every_event_and_handling_has_its_own(
    events: list[Event], handlings: list[Handling]
) -> None:
    story = build_story("corr", events, handlings)
    arrows = draw_sequence(story).arrows
    published: dict[str, int] = {}

    for before, after in itertools.pairwise(arrows):
        assert before.y < after.y
        assert before.offset_ms <= after.offset_ms
    for arrow in arrows:
        name = arrow.step.event_id
        if arrow.kind == "publish":
            published[name] = arrow.y
            if arrow.step.state == "child":
                assert published[arrow.step.parent] < arrow.y
        else:
            assert published[name] < arrow.y
    assert len(published) == len(story.steps)
    assert sum(arrow.kind in ("deliver", "attempt") for arrow in arrows) == sum(
        len(step.bars) for step in story.steps
    )
