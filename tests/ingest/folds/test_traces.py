"""What of a batch is traced, how much of it under load, and how it is packed."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from ingest.folds import apply_folds
from ingest.folds.traces import (
    CALM_S,
    MOST_BITS,
    CorruptTraces,
    Sampler,
    Traces,
    encode_traces,
    hash_ids,
    is_chosen,
    open_traces,
    trace_batch,
)
from ingest.models import Stream, TracePiece
from ingest.records import Record, StreamRef
from ingest.store.series import SeriesDictionary
from ingest.system import ServiceChange
from tests.ingest.folds.factories import (
    START,
    MemorySeries,
    make_batch,
    make_receipt,
    make_record,
    make_ref,
    tell,
)


def record(event_id: str, correlation: str, cause: str = "", **rest: object) -> Record:
    made = make_record(event_id=event_id, **rest)  # type: ignore[arg-type]
    made.correlation_id, made.causation_id = correlation, cause
    return made


def test_events_are_traced_with_correlation_cause_time_and_place() -> None:
    series = MemorySeries()
    part = [
        record("e1", "c1", at=START + 9, occurred=START + 2, minor=3),
        record("e2", "c1", "e1", at=START + 20, source="stock"),
    ]
    found = trace_batch(make_batch((make_ref(id=7), part)), series.code, bits=0)

    assert found.correlation.tolist() == hash_ids(["c1", "c1"]).tolist()
    assert found.event.tolist() == hash_ids(["e1", "e2"]).tolist()
    assert found.cause.tolist() == [0, int(hash_ids(["e1"])[0])]
    assert found.series.tolist() == [1, 2]
    assert (found.at - START).tolist() == [2, 20]
    assert (found.appended - START).tolist() == [9, 20]
    assert found.stream.tolist() == [7, 7]
    assert (found.major - START).tolist() == [9, 20]
    assert found.minor.tolist() == [3, 0]


@pytest.mark.parametrize("occurred", [START + 100, START - 86_400_001, None])
def test_time_that_cannot_be_believed_is_that_of_the_append(occurred: int | None) -> None:
    part = [record("e1", "c1", occurred=occurred)]
    found = trace_batch(make_batch((make_ref(), part)), MemorySeries().code, bits=0)
    assert found.at.tolist() == [START]


def test_system_events_and_dead_letters_are_no_part_of_a_flow() -> None:
    started = make_record(type="ServiceStarted", detail=ServiceChange("orders"))
    batch = make_batch(
        (make_ref(), [tell([make_receipt()]), started]),
        (make_ref("failed", id=2, dead_letters=True), [record("e1", "c1")]),
    )
    assert trace_batch(batch, MemorySeries().code, bits=0).event.size == 0


def test_under_load_whole_correlations_are_left_out() -> None:
    part = [record(f"e{number}", f"c{number % 200}") for number in range(1000)]
    batch = make_batch((make_ref(), part))
    every = trace_batch(batch, MemorySeries().code, bits=0)
    some = trace_batch(batch, MemorySeries().code, bits=2)

    assert some.event.tolist() == every.take(is_chosen(every.correlation, 2)).event.tolist()
    assert set(np.unique(some.correlation, return_counts=True)[1]) == {5}
    assert 20 < np.unique(some.correlation).size < 90


def test_ids_that_no_database_could_hold_are_hashed_all_the_same() -> None:
    assert hash_ids(["\ud800", "", "x"]).tolist() == [
        int(hash_ids(["\ud800"])[0]),
        0,
        int(hash_ids(["x"])[0]),
    ]


@given(st.lists(st.tuples(*[st.integers(-(1 << 63), (1 << 63) - 1)] * 9), max_size=20))
def test_packed_traces_are_read_as_they_were(rows: list[tuple[int, ...]]) -> None:
    table = np.array(rows, np.int64).reshape(-1, 9).T
    packed = Traces(*(column.view(np.uint64) for column in table[:3]), *table[3:])
    assert [column.tolist() for column in open_traces(encode_traces(packed))] == [
        column.tolist() for column in packed
    ]


@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x02abc", encode_traces(Traces.joined([]))[1:]])
def test_damaged_traces_are_refused(blob: bytes) -> None:
    with pytest.raises(CorruptTraces):
        open_traces(blob)


def test_fewer_are_traced_at_once_and_more_only_after_a_calm() -> None:
    now = [0.0]
    sampler = Sampler(clock=lambda: now[0])
    assert sampler.bits(5_000, wanted=1000) == 0
    assert sampler.bits(35_000, wanted=1000) == 2
    now[0] = 30.0
    assert sampler.bits(10, wanted=1000) == 2
    now[0] = CALM_S + 1
    assert sampler.bits(10, wanted=1000) == 0
    assert sampler.bits(1 << 50, wanted=1) == MOST_BITS


@pytest.mark.django_db(databases=["default", "events"])
@pytest.mark.parametrize(("wanted", "pieces"), [(1000, 1), (0, 0)])
def test_piece_is_written_with_its_batch_or_not_at_all(
    settings: Any, wanted: int, pieces: int
) -> None:
    flows = msgspec.structs.replace(settings.INGEST.flows, events_per_second=wanted)
    settings.INGEST = msgspec.structs.replace(settings.INGEST, flows=flows)
    row = Stream.objects.create(broker="main", topic="orders-topic")
    batch = make_batch((StreamRef(row.pk, "main", "orders-topic", 0, False), [record("e1", "c1")]))

    with transaction.atomic(using="events"):
        apply_folds(batch, SeriesDictionary())
        transaction.set_rollback(True, using="events")
    assert TracePiece.objects.count() == 0
    with transaction.atomic(using="events"):
        apply_folds(batch, SeriesDictionary())
    assert TracePiece.objects.count() == pieces
