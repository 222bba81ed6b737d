"""What pages of the fleet show, made of rows: pure."""

from __future__ import annotations

import pytest

from dashboard.fleet.presenting import Segment, spark_points, state_segments, whole_line
from dashboard.fleet.samples import KEPT_MS, keep_backlogs
from dashboard.fleet.scaling import advise, wanted_instances
from dashboard.options import ScalingOptions
from ingest.models import Breaker, BreakerTransition
from tests.dashboard.care import NOW_MS, make_group

SCALING = ScalingOptions()


def change(at_ms: int, from_state: str, to_state: str) -> BreakerTransition:
    return BreakerTransition(at_ms=at_ms, from_state=from_state, to_state=to_state)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], [Segment("open", 0.0, 1000.0)]),
        (
            [(500, "closed", "open")],
            [Segment("closed", 0.0, 500.0), Segment("open", 500.0, 500.0)],
        ),
        (
            [(750, "open", "half_open"), (500, "closed", "open")],
            [
                Segment("closed", 0.0, 500.0),
                Segment("open", 500.0, 250.0),
                Segment("half_open", 750.0, 250.0),
            ],
        ),
        ([(-50, "closed", "open")], [Segment("open", 0.0, 1000.0)]),
        ([(2000, "closed", "open")], [Segment("closed", 0.0, 1000.0)]),
        ([(500, "", "open")], [Segment("unknown", 0.0, 500.0), Segment("open", 500.0, 500.0)]),
    ],
)
def test_states_of_a_stretch_of_time(
    changes: list[tuple[int, str, str]], expected: list[Segment]
) -> None:
    rows = [change(*words) for words in changes]
    assert state_segments(Breaker(state="open", first_ms=0), rows, 0, 1000) == expected


@pytest.mark.parametrize(
    ("first_ms", "changes", "expected"),
    [
        (250, [], [Segment("unknown", 0.0, 250.0), Segment("open", 250.0, 750.0)]),
        (
            250,
            [(500, "closed", "open")],
            [
                Segment("unknown", 0.0, 250.0),
                Segment("closed", 250.0, 250.0),
                Segment("open", 500.0, 500.0),
            ],
        ),
        (
            None,
            [(500, "closed", "open")],
            [Segment("unknown", 0.0, 500.0), Segment("open", 500.0, 500.0)],
        ),
        (2000, [], [Segment("unknown", 0.0, 1000.0)]),
    ],
)
def test_before_its_first_word_a_breaker_is_unknown(
    first_ms: int | None, changes: list[tuple[int, str, str]], expected: list[Segment]
) -> None:
    rows = [change(*words) for words in changes]
    row = Breaker(state="open", since_ms=0, first_ms=first_ms)
    assert state_segments(row, rows, 0, 1000) == expected


def test_line_of_all_instances_is_unknown_before_the_first_word() -> None:
    assert whole_line([(600, 700)], 0, 1000, first_ms=500) == [
        Segment("unknown", 0.0, 500.0),
        Segment("open", 600.0, 100.0),
    ]


@pytest.mark.parametrize(
    ("gaps", "changes", "expected"),
    [
        ([(600, 1000)], [], [Segment("open", 0.0, 600.0), Segment("silent", 600.0, 400.0)]),
        (
            [(600, 1000)],
            [(500, "open", "closed")],
            [
                Segment("open", 0.0, 500.0),
                Segment("closed", 500.0, 100.0),
                Segment("silent", 600.0, 400.0),
            ],
        ),
        ([(-10, 1000)], [], [Segment("silent", 0.0, 1000.0)]),
        (
            [(-10, 100), (400, 600)],
            [(610, "open", "closed")],
            [
                Segment("silent", 0.0, 100.0),
                Segment("open", 100.0, 300.0),
                Segment("silent", 400.0, 200.0),
                Segment("open", 600.0, 10.0),
                Segment("closed", 610.0, 390.0),
            ],
        ),
    ],
)
def test_while_its_process_is_away_a_breaker_is_a_gap(
    gaps: list[tuple[int, int]], changes: list[tuple[int, str, str]], expected: list[Segment]
) -> None:
    rows = [change(*words) for words in changes]
    row = Breaker(state="open", first_ms=-100, since_ms=-100)
    assert state_segments(row, rows, 0, 1000, gaps=gaps) == expected


def test_line_of_all_instances_is_a_gap_once_none_is_heard() -> None:
    assert whole_line([(100, 600)], 0, 1000, silent_ms=600) == [
        Segment("open", 100.0, 500.0),
        Segment("silent", 600.0, 400.0),
    ]


@pytest.mark.parametrize(
    ("values", "points"),
    [([], ""), ([5], ""), ([0, 0], "0.0,23.0 96.0,23.0"), ([0, 10], "0.0,23.0 96.0,1.0")],
)
def test_trend_is_drawn_from_zero(values: list[float], points: str) -> None:
    assert spark_points(values) == points


@pytest.mark.parametrize(
    ("backlog", "partitions", "wanted"),
    [(0, None, 2), (2001, None, 3), (99_999, None, 10), (99_999, 4, 4), (99_999, 1, 1)],
)
def test_wanted_instances(backlog: int, partitions: int | None, wanted: int) -> None:
    assert wanted_instances(backlog=backlog, options=SCALING, partitions=partitions) == wanted


@pytest.mark.parametrize(
    ("backlog", "consumers", "words", "tone"),
    [
        (None, 1, "The broker does not tell the lag", "off"),
        (0, 0, "Nobody consumes; start 2", "warn"),
        (5000, 2, "Add 3: 5 in all", "warn"),
        (900, 1, "Keeps up; 2 would survive a loss", "ok"),
        (900, 2, "Keeps up", "ok"),
        (5000, 9, "Keeps up", "ok"),
    ],
)
def test_advice(backlog: int | None, consumers: int, words: str, tone: str) -> None:
    advice = advise(backlog=backlog, consumers=consumers, options=SCALING)
    assert (advice.words, advice.tone) == (words, tone)


def test_no_more_instances_are_asked_for_than_there_are_partitions() -> None:
    advice = advise(backlog=9000, consumers=4, options=SCALING, partitions=4)

    assert (advice.wanted, advice.words) == (4, "Keeps up")


def test_advice_for_a_group_whose_handlings_fail_is_not_more_instances() -> None:
    advice = advise(backlog=5000, consumers=2, options=SCALING, error_rate=1.0)
    assert (advice.words, advice.tone) == ("100% fail; look at its failures first", "warn")
    assert advise(backlog=9, consumers=2, options=SCALING, error_rate=0.1).tone == "ok"


@pytest.mark.django_db(databases=["default", "events"])
def test_trend_keeps_known_backlogs_for_some_hours() -> None:
    from dashboard.fleet.models import BacklogSample

    make_group("known", lag=7, pending=1)
    make_group("unknown", lag=None)
    assert keep_backlogs(now_ms=NOW_MS) == 1
    keep_backlogs(now_ms=NOW_MS + KEPT_MS + 1)
    rows = list(BacklogSample.objects.values_list("group", "at_ms", "backlog"))
    assert rows == [("known", NOW_MS + KEPT_MS + 1, 8)]
