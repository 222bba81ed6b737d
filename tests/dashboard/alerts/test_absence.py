"""Types that are silent for longer than usual, in table form: minutes with events → how often the usual."""

from __future__ import annotations

import pytest

from dashboard.alerts.absence import ENOUGH, MINUTE_MS, habits_of, observe_absence

START = 1_800_000_000_000 // MINUTE_MS * MINUTE_MS
MINUTES = 200
TIMES = [START + minute * MINUTE_MS for minute in range(MINUTES)]


def counted(*came: int) -> list[int]:
    return [1 if minute in came else 0 for minute in range(MINUTES)]


STEADY = tuple(range(100))
PAUSED = (*range(50), *range(70, 100))


@pytest.mark.parametrize(
    ("came", "unseen", "pause_minutes", "last_minute"),
    [
        (STEADY, (), 1, 100),
        (PAUSED, (), 20, 100),
        (PAUSED, (60,), 1, 100),
        (STEADY[: ENOUGH - 1], (), None, None),
    ],
    ids=["steady", "a pause", "a pause in which we did not look", "too rare"],
)
def test_the_usual_is_the_longest_pause_that_was_seen(
    came: tuple[int, ...],
    unseen: tuple[int, ...],
    pause_minutes: int | None,
    last_minute: int | None,
) -> None:
    known = [minute not in unseen for minute in range(MINUTES)]
    habit = habits_of(TIMES, known, {"A": counted(*came)}).get("A")
    if pause_minutes is None or last_minute is None:
        assert habit is None
    else:
        assert habit is not None
        assert habit.pause_ms == pause_minutes * MINUTE_MS
        assert habit.last_ms == START + last_minute * MINUTE_MS


@pytest.mark.parametrize(
    ("minute", "came", "known", "value"),
    [
        (100, {}, True, 0.0),
        (110, {}, True, 0.5),
        (160, {}, True, 3.0),
        (160, {"A": 1.0}, True, 0.0),
        (160, {}, False, None),
    ],
)
def test_silence_is_told_in_times_of_the_usual(
    minute: int, came: dict[str, float], known: bool, value: float | None
) -> None:
    habits = habits_of(TIMES, [True] * MINUTES, {"A": counted(*PAUSED)})
    (found,) = observe_absence(habits, came, now_ms=START + minute * MINUTE_MS, known=known)
    assert (found.subject, found.value, found.labels) == ("A", value, {"type": "A"})
