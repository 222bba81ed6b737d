from __future__ import annotations

import logging

from examples.orders.logs import REMEMBERED, NotTwice


def test_same_line_is_not_said_twice_within_half_a_minute() -> None:
    now = [100.0]
    quiet = NotTwice(clock=lambda: now[0])

    said = []
    for seconds, line in [(0, "away"), (1, "away"), (1, "back"), (29, "away"), (31, "away")]:
        now[0] = 100.0 + seconds
        said.append(quiet.filter(_record(line)))

    assert said == [True, False, True, False, True]


def test_what_was_said_is_forgotten_in_time() -> None:
    quiet = NotTwice(clock=lambda: 0.0)
    for number in range(REMEMBERED + 1):
        assert quiet.filter(_record(f"line {number}"))

    assert quiet.filter(_record("line 0"))
    assert not quiet.filter(_record(f"line {REMEMBERED}"))


def _record(line: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "x.py", 1, line, None, None)
