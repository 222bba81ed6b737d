"""Sums of a stretch against the charts' own reading, and its cutting against every second."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.folds.cells import Counter
from ingest.models import Gap
from ingest.queries.sums import Sums, read_sums, stretches
from tests.ingest.folds.factories import make_receipt, make_record, make_ref, tell
from tests.ingest.queries.test_metrics import MINUTE, fold, observe, read

HOUR = MINUTE // 3_600_000 * 3_600_000
DAYS = pytest.mark.django_db(databases=["default", "events"])


@given(
    since=st.integers(0, 9000), length=st.integers(0, 9000), finest=st.sampled_from([1, 60, 3600])
)
@settings(max_examples=150, deadline=None)
def test_stretches_hold_every_bucket_once(since: int, length: int, finest: int) -> None:
    begin, end = since // finest * finest, -(-(since + length) // finest) * finest
    seconds: list[int] = []
    for part in stretches(begin * 1000, end * 1000, finest):
        assert part.resolution >= finest
        assert part.since_ms % (part.resolution * 1000) == 0
        assert part.until_ms % (part.resolution * 1000) == 0
        seconds += range(part.since_ms // 1000, part.until_ms // 1000)
    assert seconds == list(range(begin, end))


def by_consumer(sums: Sums) -> tuple[list[str], np.ndarray]:
    names = sorted({row.consumer for row in sums.series} - {""})
    places = [names.index(row.consumer) if row.consumer else -1 for row in sums.series]
    return names, np.array(places, np.int32)


@DAYS
def test_sums_tell_what_the_charts_tell() -> None:
    observe(HOUR, HOUR + 7_300_000)
    told = [
        tell(
            [
                make_receipt(
                    consumer=("a", "b")[n % 2],
                    outcome=("success", "failed", "retry")[n % 3],
                    duration_ms=float(5 * n + 1),
                )
            ],
            HOUR + n * 61_300,
        )
        for n in range(110)
    ]
    fold((make_ref("system-events", id=2), told), (make_ref(), [make_record(HOUR + 5000)] * 3))
    since, until = HOUR + 1_000, HOUR + 6_901_000

    sums = read_sums(since_ms=since, until_ms=until, now_ms=until)
    table = read(since, until, resolution=1, step=1, group_by="consumer")

    names, places = by_consumer(sums)
    groups = {group.name: group for group in table.groups}
    for place, name in enumerate(names):
        whole, size = groups[name], len(names)
        for code, field in (
            (Counter.SUCCESS, "success"),
            (Counter.FAILED, "failed"),
            (Counter.RETRY, "retried"),
        ):
            assert sums.count(places, size, code)[place] == whole.total(field)
        for q in (0.5, 0.95, 0.99):
            quantile = sums.quantiles(places, size, "processing", q)[place]
            assert quantile == whole.total_quantile("processing", q)
    assert sums.seconds == 6_900


@DAYS
def test_no_latency_is_no_quantile() -> None:
    observe(MINUTE, MINUTE + 60_000)
    fold((make_ref("system-events", id=2), [tell([make_receipt(duration_ms=None)], MINUTE + 5)]))
    sums = read_sums(since_ms=MINUTE, until_ms=MINUTE + 60_000, now_ms=MINUTE + 60_000)
    names, places = by_consumer(sums)
    assert np.isnan(sums.quantiles(places, len(names), "publish_delay", 0.5)).all()


@DAYS
def test_slow_ones_are_counted_to_a_bin() -> None:
    observe(MINUTE, MINUTE + 60_000)
    spans = (10.0, 199.0, 210.0, 5000.0)
    receipts = [make_receipt(consumer="a", duration_ms=span) for span in spans]
    fold((make_ref("system-events", id=2), [tell(receipts, MINUTE + 5)]))
    sums = read_sums(since_ms=MINUTE, until_ms=MINUTE + 60_000, now_ms=MINUTE + 60_000)
    _, places = by_consumer(sums)
    slow, total = sums.slower(places, 1, "processing", 200)
    assert (slow.tolist(), total.tolist()) == ([2], [4])


@DAYS
def test_a_gap_takes_away_the_seconds_it_touches_and_nothing_observed_is_none() -> None:
    stream = observe(MINUTE, MINUTE + 60_000)
    assert read_sums(since_ms=MINUTE, until_ms=MINUTE + 60_000).seconds == 60
    Gap.objects.create(
        stream=stream, after_major=0, after_minor=0, from_ms=MINUTE + 10_500,
        until_ms=MINUTE + 12_500, lost=1, found_ms=MINUTE,
    )  # fmt: skip
    assert read_sums(since_ms=MINUTE, until_ms=MINUTE + 60_000).seconds == 57
    later = read_sums(since_ms=MINUTE + 120_000, until_ms=MINUTE + 180_000)
    assert (later.seconds, later.counters.sum()) == (0, 0)
