"""For how long the other side asks to be left in peace."""

from __future__ import annotations

import pytest

from dashboard.notifying.senders.waiting import LONGEST_S, asked_pause_s

NOW_S = 1_800_000_000.0


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("120", 120.0),
        (" 0 ", 0.0),
        ("86400", LONGEST_S),
        ("9" * 400, LONGEST_S),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("١٢", None),
        ("Fri, 15 Jan 2027 08:01:30 GMT", 90.0),
        ("Fri, 15 Jan 2027 08:01:30 -0000", 90.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("Fri, 15 Jan 2038 07:00:00 GMT", LONGEST_S),
        ("Fri, 99 Jan 2027 08:01:30 GMT", None),
    ],
)
def test_seconds_or_a_date_within_bounds_and_nothing_else(
    header: str, expected: float | None
) -> None:
    assert asked_pause_s(header, NOW_S) == expected
