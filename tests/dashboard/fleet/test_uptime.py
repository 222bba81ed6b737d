"""Uptime, days and incidents: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.fleet.uptime import (
    BAR_HEIGHT,
    DAY_MS,
    HOUR_MS,
    Incident,
    Part,
    Uptime,
    day_bars,
    incidents_of,
    strip_words,
    uptimes,
)
from ingest.folds.health_history import SILENCE, Span
from ingest.queries.health_history import Period, until_now

NOON = 20_000 * DAY_MS + 12 * HOUR_MS
TODAY = 20_000 * DAY_MS


def period(begin: int, healthy: int = 0, degraded: int = 0, unhealthy: int = 0) -> Period:
    return Period(begin, healthy, degraded, unhealthy, 0, 0, 0, 0.0, None)


def test_uptime_is_of_the_known_time_and_says_how_much_is_known() -> None:
    hours = [period(NOON - 2 * HOUR_MS, healthy=1_800_000, unhealthy=600_000)]
    days = [period(TODAY - DAY_MS, healthy=DAY_MS), period(TODAY, 1_800_000, 0, 600_000)]

    day, week, month, quarter = uptimes(hours, days, begun_ms=TODAY - DAY_MS, now_ms=NOON)

    assert (day.share, round(day.known, 3)) == (0.75, 0.028)
    assert (week.window, week.share) == ("7d", 0.75)
    assert month.unhealthy_ms == 600_000
    assert month.share == quarter.share == 1 - 600_000 / (DAY_MS + 2_400_000)


def test_nothing_known_is_no_uptime() -> None:
    assert [one.share for one in uptimes([], [], begun_ms=NOON, now_ms=NOON)] == [None] * 4
    assert [one.words for one in uptimes([], [], begun_ms=NOON, now_ms=NOON)] == ["unknown"] * 4


def test_time_before_it_was_first_heard_of_is_not_unknown() -> None:
    hours, days = [period(NOON - HOUR_MS, healthy=HOUR_MS)], [period(TODAY, HOUR_MS)]

    told = uptimes(hours, days, begun_ms=NOON - HOUR_MS, now_ms=NOON)
    (bar,) = day_bars(days, begun_ms=NOON - HOUR_MS, now_ms=NOON, count=1)

    assert [one.known for one in told] == [1.0] * 4
    assert (bar.unknown_ms, bar.parts) == (0, (Part("healthy", 0.0, BAR_HEIGHT),))


@pytest.mark.parametrize(
    ("share", "words"),
    [(1.0, "100%"), (0.99999, "99.999%"), (0.999999, "99.999%"), (0.5, "50%"), (0.0, "0%")],
)
def test_uptime_is_never_rounded_up(share: float, words: str) -> None:
    assert Uptime("24h", share, 1.0).words == words


def test_what_is_not_known_is_told_beside() -> None:
    assert Uptime("24h", 1.0, 0.9999).known_words == ""
    assert Uptime("24h", 1.0, 0.978).known_words == "97% of the time known"


def test_days_show_what_is_unknown_as_unknown() -> None:
    days = [
        period(TODAY - 2 * DAY_MS, healthy=DAY_MS),
        period(TODAY - DAY_MS, healthy=DAY_MS - 60_000, unhealthy=60_000),
        period(TODAY, healthy=3 * HOUR_MS, degraded=3 * HOUR_MS),
    ]

    missing, whole, blip, today = day_bars(days, now_ms=NOON, count=4)

    assert (missing.status, missing.unknown_ms) == ("unknown", DAY_MS)
    assert missing.parts == (Part("unknown", 0, BAR_HEIGHT),)
    assert whole.parts == (Part("healthy", 0.0, BAR_HEIGHT),)
    assert (blip.status, blip.parts[0].status) == ("unhealthy", "unhealthy")
    assert blip.parts[0].height > 3
    assert (today.status, today.unknown_ms) == ("degraded", 6 * HOUR_MS)
    assert today.parts == (
        Part("degraded", 24.0, 8.0),
        Part("healthy", 16.0, 8.0),
        Part("unknown", 0.0, 16.0),
    )
    assert strip_words([missing, whole, blip, today]) == (
        "4 days: 1 with unhealthy time, 1 with degraded time, 1 healthy, 1 unknown"
    )


lengths = st.tuples(*[st.integers(0, DAY_MS // 3)] * 3)


@given(lengths)
def test_bars_are_filled_and_show_all_that_was_not_well(told: tuple[int, int, int]) -> None:
    (bar,) = day_bars([period(TODAY, *told)], now_ms=TODAY + DAY_MS - 1, count=1)

    assert sum(part.height for part in bar.parts) == pytest.approx(BAR_HEIGHT, abs=0.05)
    shown = {part.status for part in bar.parts}
    assert ("degraded" in shown) == (told[1] > 0)
    assert ("unhealthy" in shown) == (told[2] > 0)


def test_incidents_are_joined_over_what_is_not_well_and_told_by_the_worst() -> None:
    spans = [
        Span("healthy", 0, 10),
        Span("degraded", 10, 20, "slow"),
        Span("unhealthy", 20, 30, "refused"),
        Span("degraded", 30, 40, "slow again"),
        Span("healthy", 40, 50),
        Span("degraded", 50, 60),
        Span("unknown", 60, 70),
        Span("unhealthy", 70, 80, "gone"),
    ]

    assert incidents_of(spans) == [
        Incident("unhealthy", 70, None, 10, "gone"),
        Incident("degraded", 50, 60, 10, "", "unknown"),
        Incident("unhealthy", 10, 40, 30, "refused", "healthy"),
    ]


def test_the_last_word_counts_for_a_while_and_then_nothing_is_known() -> None:
    spans = [Span("healthy", 0, 10), Span("unhealthy", 10, 20, "gone")]

    assert until_now(spans, now_ms=25, silent_ms=30)[-1] == Span("unhealthy", 10, 25, "gone")
    assert until_now(spans, now_ms=90, silent_ms=30)[1:] == [
        Span("unhealthy", 10, 50, "gone"),
        Span("unknown", 50, 90, SILENCE),
    ]
    assert until_now(spans, now_ms=15, silent_ms=30) == spans
    assert until_now([], now_ms=15, silent_ms=30) == []
