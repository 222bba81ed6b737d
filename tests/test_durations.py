from __future__ import annotations

import pytest

from eventscope.durations import DurationError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("60s", 60),
        ("5m", 300),
        ("1h30m", 5400),
        ("14d", 1209600),
        (7, 7),
        ("0s", 0),
    ],
)
def test_durations_are_read_as_people_write_them(text: str | int, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "5 minutes", "m5", "-5m", "1e3s", True, float("nan"), -1]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(DurationError):
        parse_duration(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "text"), [(0.25, "250ms"), (90, "1m30s"), (86400, "1d")])
def test_durations_are_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
