from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.explore.entities.history import (
    TOLERANCE_MS,
    Gap,
    Seen,
    arrange,
    read_version,
    steps_at,
)

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""


def seen(*versions: int | None) -> list[Seen]:
    return [Seen(f"e{at}", at * 10, at * 10, version) for at, version in enumerate(versions)]


def versions_of(arranged: Any) -> list[int | None]:
    return [place.version for place in arranged.places]


def test_events_stand_in_the_order_of_their_versions() -> None:
    arranged = arrange(seen(1, 3, 2, 4), versioned=True)

    assert versions_of(arranged) == [1, 2, 3, 4]
    assert [place.late for place in arranged.places] == [False, True, False, False]
    assert [place.known_ms for place in arranged.places] == [0, 20, 20, 30]
    assert (arranged.gaps, arranged.begins_at) == ([], None)


def test_missing_versions_and_a_history_that_begins_late_are_told() -> None:
    arranged = arrange(seen(3, 4, 7, 9), versioned=True)

    assert arranged.gaps == [Gap(5, 6, 2), Gap(8, 8, 3)]
    assert [gap.count for gap in arranged.gaps] == [2, 1]
    assert arranged.begins_at == 3


@pytest.mark.parametrize("first", [0, 1])
def test_first_version_may_be_zero_or_one(first: int) -> None:
    assert arrange(seen(first, first + 1), versioned=True).begins_at is None


def test_second_event_of_a_version_is_a_duplicate() -> None:
    arranged = arrange(seen(1, 2, 2, 3), versioned=True)
    assert [place.duplicate for place in arranged.places] == [False, False, True, False]
    assert arranged.gaps == []


def test_event_without_a_version_stands_behind_the_one_before_it() -> None:
    arranged = arrange(seen(1, 3, None, 2), versioned=True)
    assert versions_of(arranged) == [1, 2, 3, None]


def test_without_versions_the_order_is_that_of_the_broker() -> None:
    told = [Seen("a", 10, 10_000), Seen("b", 20, 10_000 - TOLERANCE_MS), Seen("c", 30, 8_999)]

    arranged = arrange(told, versioned=False)

    assert [place.index for place in arranged.places] == [0, 1, 2]
    assert [place.late for place in arranged.places] == [False, False, True]


def test_event_seen_twice_counts_once() -> None:
    told = [Seen("a", 10), Seen("b", 20), Seen("a", 30)]
    arranged = arrange(told, versioned=False)
    assert [(place.index, place.copies) for place in arranged.places] == [(0, 1), (1, 0)]


@RELAXED
@given(st.lists(st.none() | st.integers(0, 6), max_size=12))
def test_every_event_has_one_place_and_time_goes_forward(versions: list[int | None]) -> None:
    told = seen(*versions)

    places, gaps, _ = arrange(told, versioned=True)

    assert sorted(place.index for place in places) == list(range(len(told)))
    assert [place.known_ms for place in places] == sorted(place.known_ms for place in places)
    ordered = [place.version for place in places if place.version is not None]
    assert ordered == sorted(ordered)
    named = {version for gap in gaps for version in range(gap.first, gap.last + 1)}
    between = set(range(min(ordered, default=0), max(ordered, default=-1) + 1))
    assert named == between - set(ordered)
    kept = [place.version for place in places if place.version is not None and not place.duplicate]
    assert len(kept) == len(set(kept)) == len(set(ordered))
    for at, place in enumerate(places):
        assert place.late == any(behind.index < place.index for behind in places[at + 1 :])


@RELAXED
@given(st.lists(st.integers(0, 50), max_size=10), st.integers(-1, 60))
def test_steps_at_a_moment_are_those_known_with_all_before_them(
    times: list[int], at_ms: int
) -> None:
    told = [Seen(str(number), at) for number, at in enumerate(sorted(times))]
    places = arrange(told, versioned=False).places
    assert steps_at(places, at_ms) == sum(at <= at_ms for at in times)


@pytest.mark.parametrize(
    ("value", "version"),
    [
        (3, 3),
        ("12", 12),
        (0, 0),
        (-1, None),
        (True, None),
        (1.5, None),
        ("1.0", None),
        ("²", None),
        ("9" * 30, None),
        (1 << 60, None),
        (None, None),
    ],
)
def test_version_is_a_whole_number(value: Any, version: int | None) -> None:
    assert read_version(value) == version
