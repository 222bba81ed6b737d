"""The fold of metrics against a naive recount, for any batch."""

from __future__ import annotations

from collections import Counter as Tally

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.folds.cells import CODE_BITS, CODE_MASK, Cells, Counter, merge_cells, sketch_code
from ingest.folds.metrics import RESOLUTIONS, Buckets, fold_metrics, receipts_of
from ingest.records import Batch, Record
from ingest.sketch import bin_of
from ingest.system import Receipt, Receipts
from ingest.timestamps import parse_ms
from tests.ingest.folds.factories import (
    START,
    MemorySeries,
    make_batch,
    make_receipt,
    make_record,
    make_ref,
    tell,
)

CODES = {
    "success": Counter.SUCCESS,
    "retry": Counter.RETRY,
    "failed": Counter.FAILED,
    "dead_lettered": Counter.DEAD_LETTERED,
    "skipped": Counter.SKIPPED,
}
Plain = dict[tuple[int, int], Tally[tuple[str, int]]]

times = st.integers(START - 5_000, START + 200_000)
around = st.none() | st.integers(START - 10_000, START + 210_000) | st.just(START - 40 * 86_400_000)
events = st.builds(
    make_record,
    times,
    type=st.sampled_from(["A", "B", "HealthCheck"]),
    source=st.sampled_from(["s1", "s2"]),
    occurred=around,
)
receipts = st.builds(
    make_receipt,
    type=st.sampled_from(["A", "B"]),
    consumer=st.sampled_from(["c1", "c2"]),
    outcome=st.sampled_from([*CODES, "nobody knows"]),
    offset=st.sampled_from(["", 5, "17"]) | times.map(lambda at: f"{at}-3"),
    produced_at=around,
    started_at=around | times.map(lambda at: str(np.datetime64(at, "ms")) + "Z"),
    ended_at=around,
    duration_ms=st.none() | st.floats(0, 1e6) | st.sampled_from([-5.0, float("inf"), 1e12]),
    attempt=st.integers(0, 3),
)
messages = events | st.builds(tell, st.lists(receipts, max_size=5), times)
batches = st.lists(
    st.tuples(
        st.builds(
            make_ref,
            st.sampled_from(["t1", "t2"]),
            dead_letters=st.sampled_from([False] * 3 + [True]),
        ),
        st.lists(messages, max_size=8),
    ),
    max_size=3,
).map(lambda parts: make_batch(*parts))


def fold(batch: Batch, series: MemorySeries, *, seconds_from_ms: int = 0) -> Buckets:
    return fold_metrics(batch, receipts_of(batch), series.code, seconds_from_ms=seconds_from_ms)


def naive(batch: Batch) -> Plain:
    """The same, one record and one receipt at a time."""
    found: Plain = {}

    def count(at: int, names: str, code: int) -> None:
        for resolution in RESOLUTIONS:
            bucket = at // (resolution * 1000) * resolution * 1000
            found.setdefault((resolution, bucket), Tally())[names, code] += 1

    for part in batch.slices:
        for record in part.records:
            names = f"{record.event_type}|{record.source}||{part.stream.topic}"
            system = record.event_type in ("HealthCheck", "ProcessingReceipts")
            code = Counter.SYSTEM if system else Counter.PUBLISHED
            code = Counter.COPIED if part.stream.dead_letters else code
            count(record.appended_ms, names, code)
            if record.occurred_ms is not None and code == Counter.PUBLISHED:
                draw(count, record, names, "publish_delay", record.appended_ms - record.occurred_ms)
            told = getattr(record.detail, "receipts", [])
            for receipt in [] if part.stream.dead_letters else told:
                handle(count, record, receipt)
    return found


def handle(count: object, record: Record, receipt: Receipt) -> None:
    names = f"{receipt.event_type}||{receipt.consumer}|{receipt.topic}"
    count(record.appended_ms, names, CODES.get(receipt.outcome, Counter.UNKNOWN))  # type: ignore[operator]
    start, end = parse_ms(receipt.started_at), parse_ms(receipt.ended_at)
    produced = parse_ms(receipt.produced_at)
    offset = str(receipt.offset)
    queued = int(offset.split("-")[0]) if "-" in offset else produced
    finished = receipt.outcome in ("success", "failed", "dead_lettered")
    if receipt.attempt <= 1 and start is not None and queued is not None:
        draw(count, record, names, "queue", start - queued)
    if finished and end is not None and produced is not None:
        draw(count, record, names, "critical", end - produced)
    took = receipt.duration_ms
    if took is None or took in (float("inf"),):
        took = None if start is None or end is None else end - start
    if finished and took is not None:
        draw(count, record, names, "processing", took)


def draw(count: object, record: Record, names: str, kind: str, latency: float) -> None:
    if -1000 <= latency <= 30 * 86_400_000:
        code = sketch_code(kind) + int(bin_of([latency])[0])
        count(record.appended_ms, names, code)  # type: ignore[operator]


def plain(buckets: Buckets, series: MemorySeries) -> Plain:
    names = {id: "|".join(key) for key, id in series.ids.items()}
    return {
        bucket: Tally(
            {
                (names[cell >> 16], cell & 0xFFFF): count
                for cell, count in zip(vector.cells.tolist(), vector.counts.tolist(), strict=True)
            }
        )
        for bucket, vector in buckets.items()
    }


@settings(max_examples=300, deadline=None)
@given(batches)
def test_the_fold_is_the_naive_recount(batch: Batch) -> None:
    series = MemorySeries()

    assert plain(fold(batch, series), series) == naive(batch)


@settings(max_examples=50, deadline=None)
@given(batches)
def test_folding_twice_gives_the_same_and_changes_nothing(batch: Batch) -> None:
    series = MemorySeries()

    first, second = fold(batch, series), fold(batch, series)

    assert plain(first, series) == plain(second, series)


@settings(max_examples=100, deadline=None)
@given(batches, batches)
def test_two_batches_add_up_to_the_batch_of_both(one: Batch, other: Batch) -> None:
    series = MemorySeries()
    parts = [fold(one, series), fold(other, series)]
    merged: dict[tuple[int, int], Cells] = {
        bucket: merge_cells([part[bucket] for part in parts if bucket in part])
        for bucket in {*parts[0], *parts[1]}
    }

    both = Batch([*one.slices, *other.slices], START)

    assert plain(merged, series) == plain(fold(both, series), series)


def test_seconds_past_their_retention_are_left_out_but_not_minutes() -> None:
    batch = make_batch((make_ref(), [make_record(START - 9_000), make_record(START)]))

    buckets = fold(batch, MemorySeries(), seconds_from_ms=START - 5_000)

    assert [bucket for resolution, bucket in buckets if resolution == 1] == [START]
    total = sum(int(v.counts.sum()) for (r, _), v in buckets.items() if r == 60)
    assert total == 2


def test_a_series_is_asked_for_once_a_batch() -> None:
    series = MemorySeries()

    fold(make_batch((make_ref(), [make_record()] * 500)), series)

    assert series.asked == 1


@pytest.mark.parametrize("parts", [(), ((make_ref(), []),)])
def test_an_empty_batch_adds_nothing(parts: tuple[object, ...]) -> None:
    assert fold(make_batch(*parts), MemorySeries()) == {}  # type: ignore[arg-type]


def test_celerys_reports_are_no_events_of_their_own_but_tell_of_handlings() -> None:
    series = MemorySeries()
    report = make_record(type="task-succeeded", detail=Receipts([make_receipt(type="shop.charge")]))

    buckets = fold(make_batch((make_ref("celeryev"), [report])), series)

    cells = buckets[3600, START // 3_600_000 * 3_600_000].cells
    counted = {(int(cell) >> CODE_BITS, int(cell) & CODE_MASK) for cell in cells}
    names = {code: name for name, code in series.ids.items()}
    assert {(names[code][0], counter) for code, counter in counted} == {
        ("task-succeeded", Counter.SYSTEM),
        ("shop.charge", Counter.SUCCESS),
    }
