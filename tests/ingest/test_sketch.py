"""The latency sketch: within one percent, and merging loses nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sketch import BINS, SMALLEST_MS, bin_of, quantile, value_of

DAY_MS = 86_400_000.0
latencies = st.floats(min_value=SMALLEST_MS * 1.001, max_value=40 * DAY_MS)
shares = st.floats(min_value=0, max_value=1)


def sketch(values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.unique(bin_of(values), return_counts=True)


def nearest_rank(values: list[float], q: float) -> float:
    return sorted(values)[max(1, math.ceil(q * len(values) - 1e-9)) - 1]


@given(latencies)
def test_a_value_is_told_within_one_percent(value: float) -> None:
    assert float(value_of(bin_of([value]))[0]) == pytest.approx(value, rel=0.01)


@given(st.lists(latencies, min_size=1, max_size=200), shares)
def test_a_quantile_is_within_one_percent_of_the_nearest_rank(
    values: list[float], q: float
) -> None:
    assert quantile(*sketch(values), q) == pytest.approx(nearest_rank(values, q), rel=0.01)


@given(st.lists(latencies, max_size=100), st.lists(latencies, min_size=1, max_size=100), shares)
def test_merged_sketches_are_the_sketch_of_the_whole(
    one: list[float], other: list[float], q: float
) -> None:
    merged = np.zeros(BINS, np.int64)
    for values in (one, other):
        bins, counts = sketch(values) if values else (np.array([], int), np.array([], int))
        merged[bins] += counts

    assert quantile(np.arange(BINS), merged, q) == quantile(*sketch(one + other), q)


@given(st.lists(st.floats(min_value=0, max_value=DAY_MS), min_size=2, max_size=50))
def test_bins_ascend_with_values(values: list[float]) -> None:
    bins = bin_of(sorted(values)).tolist()

    assert bins == sorted(bins)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, 0),
        (-5.0, 0),
        (-math.inf, 0),
        (math.nan, 0),
        (SMALLEST_MS, 0),
        (math.inf, BINS - 1),
        (1e300, BINS - 1),
    ],
)
def test_odd_values_have_a_bin(value: float, expected: int) -> None:
    assert bin_of([value]).tolist() == [expected]


def test_a_day_lies_well_within_the_bins() -> None:
    assert 0 < int(bin_of([30 * DAY_MS])[0]) < BINS - 1


def test_nothing_has_no_quantile() -> None:
    assert quantile([], [], 0.5) is None
    assert quantile([3, 4], [0, 0], 0.5) is None


def test_quantiles_take_the_nearest_rank() -> None:
    bins = bin_of([10.0, 20.0, 30.0, 40.0])

    found = [quantile(bins, [1, 1, 1, 1], q) for q in (0, 0.25, 0.26, 0.5, 0.75, 0.99, 1)]

    assert found == value_of(bins[[0, 0, 1, 1, 2, 3, 3]]).tolist()
