from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.timestamps import EARLIEST_MS, LATEST_MS, parse_ms, parse_timespan

MOMENT = 1_795_514_400_123


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-24T10:00:00.123Z",
        "2026-11-24t10:00:00.123z",
        "2026-11-24 10:00:00.123+00:00",
        "2026-11-24T12:00:00.123+02:00",
        "2026-11-24T04:30:00.123-05:30",
        "2026-11-24T10:00:00.123999999Z",
        "2026-11-24T10:00:00.123",
        MOMENT,
        MOMENT / 1000,
        MOMENT * 1000,
        MOMENT * 1_000_000,
        str(MOMENT),
    ],
)
def test_one_moment_in_every_spelling(value: object) -> None:
    assert parse_ms(value) == MOMENT
    assert parse_ms(value) == MOMENT  # a second time, from what is remembered


@pytest.mark.parametrize(
    "value",
    [
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-13-01T00:00:00Z",
        "yesterday",
        "",
        "-5",
        "nan",
        "1e999",
        0,
        -1,
        True,
        None,
        float("nan"),
        float("inf"),
        10**40,
        [1],
        "9" * 5000,
    ],
)
def test_what_cannot_be_believed_is_none(value: object) -> None:
    assert parse_ms(value) is None


def test_leap_second_is_the_second_before() -> None:
    assert parse_ms("2016-12-31T23:59:60.500Z") == parse_ms("2016-12-31T23:59:59.500Z")


moments = st.integers(EARLIEST_MS * 1000, LATEST_MS * 1000 - 1).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moments, zones)
def test_any_offset_names_the_same_moment(moment: datetime, zone: timezone) -> None:
    span = moment - datetime(1970, 1, 1, tzinfo=UTC)
    expected = span // timedelta(milliseconds=1)
    assert parse_ms(moment.astimezone(zone).isoformat()) == expected


@given(st.integers(EARLIEST_MS, LATEST_MS - 1))
def test_the_kits_form_is_read_back_exactly(millis: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
    text = f"{moment:%Y-%m-%dT%H:%M:%S}.{millis % 1000:03d}Z"
    assert parse_ms(text) == parse_ms(text) == millis


@given(st.text() | st.floats() | st.integers() | st.none() | st.booleans())
def test_nothing_makes_it_raise(value: object) -> None:
    found = parse_ms(value)
    assert found is None or EARLIEST_MS <= found < LATEST_MS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:30", 30_000.0),
        ("00:00:01.1096521", 1109.652),
        ("1.02:03:04.5", 93_784_500.0),
        ("30", None),
        ("", None),
        ("00:00:30 ", None),
    ],
)
def test_lengths_of_time_of_dotnet_are_read(text: str, expected: float | None) -> None:
    assert parse_timespan(text) == expected
