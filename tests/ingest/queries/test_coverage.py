"""The gap rule, the plan of buckets and the honesty strip, as pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.options import MetricsRetention
from ingest.queries.coverage import Coverage, StreamView, coverage_of
from ingest.queries.plan import MAX_POINTS, MetricsError, plan_buckets
from ingest.queries.status import status_of

NOW = 1_700_000_000_000
HOUR = 3_600_000


def stream(**rest: object) -> StreamView:
    values: dict[str, object] = {
        "topic": "orders-topic",
        "dead_letters": False,
        "leased_until": NOW / 1000 + 8,
        "observed_from_ms": NOW - HOUR,
        "observed_until_ms": NOW - 500,
        "newest_ms": NOW - 2_000,
        "stored": 100,
        "undecoded": 2,
        "lost": 3,
        "lag": 0,
    }
    return StreamView(**{**values, **rest})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (1_000, 2_000, 0.0),
        (4_000, 5_000, 0.0),
        (4_500, 5_500, 1.0),
        (5_000, 6_000, 1.0),
        (7_000, 8_000, 0.0),
        (7_999, 8_999, 0.0),
        (8_001, 9_001, 1.0),
        (9_500, 10_500, 0.5),
        (10_000, 11_000, 0.0),
        (20_000, 21_000, 0.0),
    ],
)
def test_a_bucket_is_known_as_far_as_it_is_observed(start: int, end: int, seconds: float) -> None:
    coverage = Coverage(5_000, 10_000, ((7_500, 8_000),))

    assert coverage.seconds(start, end) == seconds


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30)), max_size=8),
    st.integers(0, 120),
    st.integers(1, 20),
)
def test_any_gap_that_touches_a_bucket_hides_it(
    gaps: list[tuple[int, int]], start: int, length: int
) -> None:
    """A gap is (from, length), its end included."""
    found = [(from_ms, from_ms + size) for from_ms, size in gaps]
    coverage = coverage_of([stream(observed_from_ms=0, observed_until_ms=1000)], found)

    hidden = any(from_ms < start + length and start <= until_ms for from_ms, until_ms in found)

    assert (coverage.seconds(start, start + length) == 0) is hidden


def test_nothing_observed_covers_nothing() -> None:
    assert coverage_of([]) == Coverage(None, None)
    assert coverage_of([stream(observed_until_ms=0)]) == Coverage(None, None)
    assert Coverage(None, None).seconds(0, 1000) == 0.0


def test_a_stream_just_found_does_not_hide_the_others() -> None:
    assert coverage_of([stream(), stream(observed_until_ms=0)]).until_ms == NOW - 500


def test_a_stream_that_left_the_broker_is_not_waited_for() -> None:
    gone = stream(leased_until=NOW / 1000 - 60, observed_until_ms=NOW - HOUR)

    assert coverage_of([stream(), gone]) == Coverage(NOW - HOUR, NOW - 500)


def test_when_all_workers_are_gone_time_stands_still_for_all() -> None:
    dead = [
        stream(leased_until=NOW / 1000 - 600 + n, observed_until_ms=NOW - 600_000 + n)
        for n in range(3)
    ]

    assert coverage_of(dead).until_ms == NOW - 600_000


@pytest.mark.parametrize(
    ("streams", "stalled", "catching_up"),
    [
        ([], False, False),
        ([stream()], False, False),
        ([stream(observed_until_ms=NOW - 60_000, lag=500)], False, True),
        ([stream(leased_until=NOW / 1000 - 60)], True, False),
        ([stream(), stream(leased_until=NOW / 1000 - 10, lag=5)], True, False),
        ([stream(), stream(leased_until=NOW / 1000 - 10, lag=0)], False, False),
        ([stream(), stream(leased_until=NOW / 1000 - 600, lag=5)], False, False),
    ],
)
def test_stalled_is_when_nobody_works_on_what_waits(
    streams: list[StreamView], stalled: bool, catching_up: bool
) -> None:
    status = status_of(streams, NOW)

    assert (status.stalled, status.catching_up) == (stalled, catching_up)


def test_the_status_adds_streams_up() -> None:
    status = status_of([stream(lag=4), stream(newest_ms=NOW - 1_000, lag=5)], NOW)

    assert (status.stored, status.undecoded, status.lost, status.lag) == (200, 4, 6, 9)
    assert (status.newest_ms, status.newest_age_ms, status.streams) == (NOW - 1_000, 1_000, 2)
    assert status.observed_until_ms == NOW - 500


def test_before_the_first_event_there_is_no_age() -> None:
    status = status_of([stream(newest_ms=0, stored=0)], NOW)

    assert (status.newest_ms, status.newest_age_ms) == (None, None)


@pytest.mark.parametrize(
    ("span_s", "age_s", "resolution", "step"),
    [
        (300, 300, 1, 1),
        (900, 900, 1, 1),
        (3600, 3600, 1, 5),
        (6 * 3600, 6 * 3600, 60, 60),
        (86_400, 86_400, 60, 120),
        (7 * 86_400, 7 * 86_400, 3600, 3600),
        (90 * 86_400, 90 * 86_400, 3600, 10_800),
        (300, 8 * 3600, 60, 60),
        (3600, 20 * 86_400, 3600, 3600),
    ],
)
def test_the_range_chooses_buckets(span_s: int, age_s: int, resolution: int, step: int) -> None:
    since = NOW - age_s * 1000
    plan = plan_buckets(
        since_ms=since,
        until_ms=since + span_s * 1000,
        resolution=None,
        step=None,
        now_ms=NOW,
        retention=MetricsRetention(),
    )

    assert (plan.resolution, plan.step) == (resolution, step)
    assert plan.points <= 901
    assert plan.first_ms <= since < plan.first_ms + step * 1000
    assert plan.end_ms - step * 1000 < since + span_s * 1000 <= plan.end_ms


def test_points_are_bounded() -> None:
    with pytest.raises(MetricsError, match="too many"):
        plan_buckets(
            since_ms=NOW - (MAX_POINTS + 5) * 1000,
            until_ms=NOW,
            resolution=1,
            step=None,
            now_ms=NOW,
            retention=MetricsRetention(),
        )
