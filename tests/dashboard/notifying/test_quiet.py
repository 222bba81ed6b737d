"""Quiet hours by the clock on the wall."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from dashboard.notifying.quiet import is_quiet
from dashboard.receiver_options import QuietOptions

BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        ("2026-11-23T21:59:59", False),
        ("2026-11-23T22:00:00", True),
        ("2026-11-24T03:00:00", True),
        ("2026-11-24T06:59:59", True),
        ("2026-11-24T07:00:00", False),
        ("2026-07-23T22:00:00", True),
        ("2026-07-23T21:30:00", False),
    ],
)
def test_hours_over_midnight_are_those_of_the_place_in_summer_and_winter(
    moment: str, quiet: bool
) -> None:
    assert is_quiet(QuietOptions(time_zone=BERLIN), at(moment)) is quiet


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        ("2026-11-27T23:00:00", True),
        ("2026-11-28T06:00:00", True),
        ("2026-11-28T23:00:00", False),
        ("2026-11-29T06:00:00", False),
    ],
)
def test_hours_belong_to_the_day_on_which_they_begin(moment: str, quiet: bool) -> None:
    """Friday night until Saturday morning, and no other."""
    assert is_quiet(QuietOptions(time_zone=BERLIN, days=("fri",)), at(moment)) is quiet


def test_hours_within_a_day() -> None:
    lunch = QuietOptions(from_="12:00", until="13:00")
    assert is_quiet(lunch, at("2026-11-24T12:30:00", "UTC"))
    assert not is_quiet(lunch, at("2026-11-24T13:00:00", "UTC"))
    assert not is_quiet(None, at("2026-11-24T12:30:00", "UTC"))


def test_the_hour_that_a_clock_shows_twice_is_quiet_twice() -> None:
    night = QuietOptions(from_="02:00", until="03:00", time_zone=BERLIN)
    first = at("2026-10-25T02:30:00")
    assert is_quiet(night, first)
    assert is_quiet(night, first + 3_600_000)
    assert not is_quiet(night, first + 7_200_000)
