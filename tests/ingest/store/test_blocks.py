"""Codecs of a block: what went in comes out, and what we did not write is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.store import blocks
from ingest.store.base import StoreError
from ingest.store.blocks import (
    NEVER,
    PackedRows,
    Rows,
    decode_rows,
    encode_rows,
    frame_starts,
    span_class,
)
from ingest.store.columns import pack_ints, unpack_ints

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
SMALL = st.integers(0, 300)


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    count = draw(st.integers(1, 40))

    def column(values: st.SearchStrategy[int]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=count, max_size=count)), np.int64)

    return Rows(
        series=column(INT64),
        streams=column(st.integers(1, 3)),
        appended=np.sort(column(INT64)),
        occurred=column(st.one_of(st.just(NEVER), INT64)),
        major=column(INT64),
        minor=column(INT64),
        header_lengths=column(SMALL),
        body_lengths=column(SMALL),
        sizes=column(st.one_of(SMALL, INT64)),
        flags=column(st.integers(0, 255)),
    )


@given(st.lists(INT64, max_size=50), st.booleans())
def test_column_of_any_int64_survives(values: list[int], differences: bool) -> None:
    column = np.array(values, np.int64)
    packed, planes = pack_ints(column, differences=differences)

    unpacked, end = unpack_ints(packed, memoryview(b"?" + planes + b"?"), 1, len(column))

    assert unpacked.tolist() == values
    assert end == 1 + len(planes)


def test_steady_column_takes_no_bytes() -> None:
    assert pack_ints(np.full(1000, 1_700_000_000_000))[1] == b""


@given(rows())
def test_rows_survive(before: Rows) -> None:
    # An event that occurred exactly at NEVER is told apart by nothing; no clock gets there.
    after, frames = decode_rows(encode_rows(before, [0]))

    assert [column.tolist() for column in after] == [column.tolist() for column in before]
    assert frames == [0]


@given(rows(), st.data())
def test_rows_read_alone_are_as_all_together(before: Rows, data: st.DataObject) -> None:
    blob, last = encode_rows(before, [0]), before.height - 1
    packed, (whole, frames) = PackedRows(blob), decode_rows(blob)
    asked = data.draw(st.lists(st.integers(0, last), max_size=PackedRows.FEW * 2))

    assert packed.at(asked) == whole.at(asked) == [packed.at([row])[0] for row in asked]
    assert packed.series_of(np.array(asked, np.int64)) == [row.series for row in whole.at(asked)]
    assert packed.appended.tolist() == before.appended.tolist()
    assert (packed.height, packed.frames) == (before.height, frames)


@given(rows(), st.data())
def test_lengths_of_a_stretch_are_read_alone(before: Rows, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, before.height))
    end = data.draw(st.integers(first, before.height))

    found = PackedRows(encode_rows(before, [0])).lengths_between(first, end)

    assert [part.tolist() for part in found] == [
        part.tolist() for part in before.lengths_between(first, end)
    ]
    assert found[1].tolist() == before.lengths[first:end].tolist()


@given(st.lists(st.integers(0, 90), min_size=1, max_size=60))
def test_frames_are_bounded_by_rows_and_bytes_and_cover_all(lengths: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "FRAME_ROWS", 7)
        patch.setattr(blocks, "FRAME_BYTES", 100)
        starts = frame_starts(np.array(lengths, np.int64))

    frames = [lengths[a:b] for a, b in zip(starts, [*starts[1:], len(lengths)], strict=True)]
    assert [length for frame in frames for length in frame] == lengths
    assert all(1 <= len(frame) <= 7 for frame in frames)
    assert all(sum(frame) <= 100 or len(frame) == 1 for frame in frames)


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=80)), min_size=1, max_size=30))
def test_each_body_is_read_from_its_frame(pairs: list[tuple[bytes, bytes]]) -> None:
    headers = np.array([len(head) for head, _ in pairs], np.int64)
    lengths = headers + np.array([len(body) for _, body in pairs], np.int64)
    (frame,) = blocks.pack_frames([0], [head + body for head, body in pairs])

    assert blocks.frame_texts(frame, lengths, headers, range(len(pairs))) == pairs


def test_body_far_larger_than_a_frame_has_one_of_its_own() -> None:
    lengths = np.array([10, 12_000_000, 10], np.int64)

    assert frame_starts(lengths) == [0, 1, 2]


@pytest.mark.parametrize("blob", [b"", b"\x93\x01", b"junk", encode_rows.__name__.encode()])
def test_columns_that_are_not_ours_are_refused(blob: bytes) -> None:
    with pytest.raises(StoreError):
        decode_rows(blob)
    with pytest.raises(StoreError):
        PackedRows(blob)


def test_damaged_frame_is_refused() -> None:
    (frame,) = blocks.pack_frames([0], [b"body"])

    with pytest.raises(StoreError):
        blocks.frame_texts(frame[:-2] + b"zz", np.array([4]), np.array([0]), [0])
    with pytest.raises(StoreError):
        blocks.frame_texts(frame, np.array([5]), np.array([0]), [0])


@given(st.integers(0, 1 << 60), st.integers(0, 1 << 60))
def test_span_class_bounds_the_span(first: int, span: int) -> None:
    index = span_class(first, first + span)

    assert span <= blocks.SPAN_WIDTHS_MS[index]
    assert index == 0 or span > blocks.SPAN_WIDTHS_MS[index - 1]
