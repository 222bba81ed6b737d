"""Columns of times are parsed exactly as one time is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.time_columns import UNKNOWN_MS, entry_times, parse_times
from ingest.timestamps import EARLIEST_MS, LATEST_MS, parse_ms
from tests.ingest.folds.factories import START

GOOD = "2026-11-24T10:00:00.123Z"
odd = st.sampled_from(
    [
        None,
        "",
        "x" * 24,
        "2026-02-30T10:00:00.000Z",
        "2026-13-01T10:00:00.000Z",
        "2026-11-24T24:00:00.000Z",
        "2026-11-24T10:00:60.000Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00.000Z",
        "2200-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.999Z",
        "2026-11-24T10:00:00.12\u0663Z",
        "2026-11-24T10:00:00+02:00",
        1_700_000_000,
        1_700_000_000_123,
        1.7e9,
        float("nan"),
    ]
)
moments = st.integers(EARLIEST_MS, LATEST_MS - 1)


def stamp(at: int) -> str:
    return str(np.datetime64(at, "ms")) + "Z"


@given(st.lists(moments, max_size=20))
@example([parse_ms("2024-02-29T23:59:59.999Z"), parse_ms("2100-02-28T00:00:00.000Z")])
def test_good_stamps_are_parsed_at_once(times: list[int]) -> None:
    assert parse_times([stamp(at) for at in times]).tolist() == times


@given(st.lists(moments.map(stamp) | odd, max_size=12))
def test_any_mixture_is_parsed_as_one_by_one(values: list[object]) -> None:
    expected = [UNKNOWN_MS if (ms := parse_ms(value)) is None else ms for value in values]

    assert parse_times(values).tolist() == expected


@given(
    st.lists(
        st.tuples(
            moments.map(stamp) | odd.filter(lambda value: type(value) is str), st.integers(1, 40)
        ),
        min_size=1,
        max_size=3,
    )
)
@example([("2026-11-24T10:00:60.000Z", 20), ("1970-01-01T23:59:59.999Z", 20)])
@example([("2026-W48-2T10:00:00.250Z", 30)])
def test_many_of_one_second_are_parsed_as_one_by_one(runs: list[tuple[str, int]]) -> None:
    values = [
        f"{first[:20]}{(number * 37) % 1000:03d}{first[23:]}" if len(first) == 24 else first
        for first, count in runs
        for number in range(count)
    ]
    expected = [UNKNOWN_MS if (ms := parse_ms(value)) is None else ms for value in values]

    assert parse_times(values).tolist() == expected


@pytest.mark.parametrize("value", ["2026-02-29T00:00:00.000Z", "2026-00-10T00:00:00.000Z"])
def test_a_day_that_is_not_in_the_calendar_is_no_time(value: str) -> None:
    assert parse_times([GOOD, value]).tolist() == [parse_ms(GOOD), UNKNOWN_MS]


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ([f"{START}-0", f"{START + 1}-12"], [START, START + 1]),
        ([f"{START}-0", 17], [START, UNKNOWN_MS]),
        (["17", ""], [UNKNOWN_MS, UNKNOWN_MS]),
        (["5-0"], [UNKNOWN_MS]),
        (["-" * 14], [UNKNOWN_MS]),
        (["1" * 4000 + "-1"], [UNKNOWN_MS]),
        (["17000000000\u066300-1"], [UNKNOWN_MS]),
        ([], []),
    ],
)
def test_entry_ids_of_a_stream_hold_the_time_of_append(
    offsets: list[object], expected: list[int]
) -> None:
    assert entry_times(offsets).tolist() == expected
