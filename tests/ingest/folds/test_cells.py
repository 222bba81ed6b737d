"""Vectors of cells: packed and read back the same, added up, refused when damaged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.folds.cells import (
    KINDS,
    NO_CELLS,
    Cells,
    CorruptCells,
    Counter,
    add_up,
    encode_cells,
    merge_cells,
    open_cells,
    sketch_code,
)
from ingest.sketch import BINS

codes = st.integers(0, 15) | st.integers(2048, 5 * 2048 - 1)
cells = st.builds(lambda series, code: series << 16 | code, st.integers(0, 1 << 28), codes)
counts = st.integers(1, (1 << 63) - 1)
vectors = st.dictionaries(cells, counts, max_size=60)


def vector(values: dict[int, int]) -> Cells:
    ordered = sorted(values)
    return Cells(
        np.array(ordered, np.uint64), np.array([values[cell] for cell in ordered], np.uint64)
    )


def plain(found: Cells) -> dict[int, int]:
    return dict(zip(found.cells.tolist(), found.counts.tolist(), strict=True))


@given(vectors)
def test_what_is_packed_is_read_back(values: dict[int, int]) -> None:
    assert plain(open_cells(encode_cells(vector(values)))) == values


@given(st.lists(st.dictionaries(cells, st.integers(1, 1000), max_size=20), max_size=8))
def test_merging_adds_counts(parts: list[dict[int, int]]) -> None:
    expected: dict[int, int] = {}
    for part in parts:
        for cell, count in part.items():
            expected[cell] = expected.get(cell, 0) + count

    assert plain(merge_cells([vector(part) for part in parts])) == expected


def test_repeated_cells_are_added_up_in_any_order() -> None:
    found = add_up(np.array([5, 3, 5], np.uint64), np.array([1, 2, 3], np.uint64))

    assert plain(found) == {3: 2, 5: 4}


def test_nothing_is_a_vector_too() -> None:
    assert plain(open_cells(encode_cells(NO_CELLS))) == {}


def test_a_typical_piece_is_small() -> None:
    random = np.random.default_rng(1)
    drawn = random.integers(0, 40, 5000).astype(np.uint64) << np.uint64(16)
    drawn |= (4000 + random.normal(0, 60, 5000)).astype(np.uint64)
    packed = add_up(drawn, np.ones(5000, np.uint64))

    assert len(encode_cells(packed)) < 2.5 * packed.cells.size


@pytest.mark.parametrize("seed", range(3))
def test_damaged_bytes_are_told_or_read_but_never_crash(seed: int) -> None:
    random = np.random.default_rng(seed)
    whole = encode_cells(vector({int(c) << 16 | 2048: 1 for c in random.integers(0, 1 << 20, 600)}))
    for _ in range(300):
        broken = bytearray(whole)
        broken[random.integers(0, len(broken))] ^= 1 << random.integers(0, 8)
        try:
            open_cells(bytes(broken))
        except CorruptCells:
            continue


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x00",
        b"\x10",
        b"\x10" + b"\xff" * 12,
        b"\x77" + encode_cells(vector({1: 1}))[1:],
        encode_cells(vector({1: 1}))[:-1],
        encode_cells(vector({1: 1})) + b"\x00",
        encode_cells(vector({n << 16: n + 1 for n in range(200)}))[:-5],
    ],
)
def test_corrupt_bytes_are_refused_in_words(blob: bytes) -> None:
    with pytest.raises(CorruptCells, match="metric piece"):
        open_cells(blob)


def test_codes_of_counters_and_sketches_do_not_meet() -> None:
    starts = [sketch_code(kind) for kind in KINDS]

    assert starts == [2048, 4096, 6144, 8192]
    assert max(Counter) < BINS
    assert starts[-1] + BINS <= 1 << 16
