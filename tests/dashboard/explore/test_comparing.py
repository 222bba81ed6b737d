from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from dashboard.explore.comparing import Comparison, compare
from dashboard.explore.story import Handling, build_story
from tests.dashboard.explore.test_story import Event, events


def handled(event_id: str, end: int) -> Handling:
    return Handling(
        event_id=event_id, consumer="c", outcome="success", started_ms=end, ended_ms=end
    )


ORDER = Event("a", 0, event_type="ORDER")
STOCK = Event("b", 10, "a", event_type="STOCK")
PAID = Event("c", 20, "b", event_type="PAID")
MAIL = Event("d", 30, "a", event_type="MAIL")


def told(comparison: Comparison) -> list[str]:
    found = []
    for pair in comparison.pairs:
        here = pair.here.event_id if pair.here else "-"
        there = pair.there.event_id if pair.there else "-"
        found.append(f"{'.' * pair.depth}{here}:{there} {pair.difference}")
    return found


def other(*chosen: Event, late: int = 0) -> list[Event]:
    """The same events of another correlation: ids of its own, ``late`` ms later."""
    return [
        replace(
            event,
            event_id=event.event_id.upper(),
            causation_id=event.causation_id.upper(),
            appended_ms=event.appended_ms + late,
            correlation_id="other",
        )
        for event in chosen
    ]


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        pytest.param(
            [ORDER, STOCK, PAID, MAIL],
            other(ORDER, STOCK, PAID, MAIL, late=90_000),
            ["a:A same", ".b:B same", "..c:C same", ".d:D same"],
            id="alike",
        ),
        pytest.param(
            [ORDER, STOCK, MAIL],
            other(ORDER, STOCK, PAID, MAIL),
            ["a:A same", ".b:B same", "..-:C missing", ".d:D same"],
            id="a branch that never came",
        ),
        pytest.param(
            [ORDER, MAIL],
            other(ORDER, STOCK, PAID, MAIL),
            ["a:A same", ".-:B missing", "..-:C missing", ".d:D same"],
            id="missing where it would stand",
        ),
        pytest.param(
            [ORDER, STOCK, MAIL], other(ORDER, MAIL), ["a:A same", ".b:- extra", ".d:D same"], id="extra"
        ),
        pytest.param(
            [ORDER, STOCK, replace(STOCK, event_id="b2", appended_ms=12)],
            other(ORDER, STOCK),
            ["a:A same", ".b:B same", ".b2:- extra"],
            id="the how-manieth counts",
        ),
        pytest.param(
            [ORDER, replace(STOCK, source="elsewhere")],
            other(ORDER, STOCK),
            ["a:A same", ".b:- extra", ".-:B missing"],
            id="another source is another event",
        ),
        pytest.param([], other(ORDER), ["-:A missing"], id="nothing here"),
    ],
)  # fmt: skip
def test_events_answer_by_causal_path(
    here: list[Event], there: list[Event], expected: list[str]
) -> None:
    found = compare(build_story("corr", here), build_story("other", there), {}, {})
    assert sorted(told(found)) == sorted(expected)
    assert found.differences == sum(not line.endswith("same") for line in expected)


def test_slower_and_failed_are_marked_from_this_story_s_side() -> None:
    here = build_story("corr", [ORDER, STOCK, MAIL], [handled("b", 500)])
    there = build_story("other", other(ORDER, STOCK, MAIL), [handled("B", 60)])

    one_way = compare(here, there, {"d": "failed"}, {})
    back = compare(there, here, {}, {"d": "dead_lettered"})

    assert told(one_way) == ["a:A same", ".b:B slower", ".d:D failed"]
    assert [pair.slower_ms for pair in one_way.pairs] == [0, 440, 0]
    assert told(back) == ["A:a same", ".B:b faster", ".D:d mended"]
    assert one_way.duration_ms == back.duration_ms == 500


@settings(max_examples=100, deadline=None)
@given(here=events, there=events)
def test_every_event_of_both_stands_in_one_pair(here: list[Event], there: list[Event]) -> None:
    mine, theirs = build_story("corr", here), build_story("corr", there)
    pairs = compare(mine, theirs, {}, {}).pairs

    assert sorted(pair.here.event_id for pair in pairs if pair.here) == sorted(
        step.event_id for step in mine.steps
    )
    assert sorted(pair.there.event_id for pair in pairs if pair.there) == sorted(
        step.event_id for step in theirs.steps
    )
    assert all(pair.here or pair.there for pair in pairs)


@settings(max_examples=60, deadline=None)
@given(events=events)
def test_story_does_not_differ_from_itself(events: list[Event]) -> None:
    story = build_story("corr", events)
    assert compare(story, story, {}, {}).differences == 0
