"""Runs against dictionaries: sorted, paged, merged, renumbered, looked up."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.store import keys
from ingest.store.base import StoreError
from ingest.store.keys import (
    Page,
    Run,
    cut_pages,
    hash_key,
    hash_records,
    merge_runs,
    record_keys,
    renumber,
)
from tests.ingest.store.factories import make_record

HASH = st.one_of(st.integers(0, 5), st.integers(0, (1 << keys.HASH_BITS) - 1))
ENTRY = st.tuples(HASH, st.integers(0, 3), st.integers(0, 0xFFFF))


def make_run(entries: list[tuple[int, int, int]]) -> Run:
    entries = sorted(set(entries))
    return Run(
        np.array([entry[0] for entry in entries], np.uint64),
        np.array([entry[1] for entry in entries], np.uint16),
        np.array([entry[2] for entry in entries], np.uint16),
    )


def entries_of(run: Run) -> list[tuple[int, int, int]]:
    return list(zip(run.hashes.tolist(), run.blocks.tolist(), run.rows.tolist(), strict=True))


@given(st.lists(ENTRY, min_size=1, max_size=200), st.integers(1, 9))
def test_pages_hold_the_run_in_order(entries: list[tuple[int, int, int]], size: int) -> None:
    run = make_run(entries)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "PAGE_KEYS", size)
        pages = list(cut_pages(run))

    decoded = [Page(page.first, page.data).run() for page in pages]
    assert entries_of(Run.joined(decoded)) == entries_of(run)
    for page, part in zip(pages, decoded, strict=True):
        assert (page.first, page.last) == (int(part.hashes[0]), int(part.hashes[-1]))
        assert len(part.hashes) <= size


@given(st.lists(st.lists(ENTRY, max_size=60), min_size=1, max_size=5))
def test_merged_run_is_the_union_in_order(inputs: list[list[tuple[int, int, int]]]) -> None:
    runs, union = [], set()
    for number, entries in enumerate(inputs):
        own = [(value, 4 * number + block, row) for value, block, row in entries]
        union |= set(own)
        runs.append(make_run(own))

    assert entries_of(merge_runs(runs)) == sorted(union)


@given(st.lists(ENTRY, min_size=1, max_size=100), HASH)
def test_look_up_finds_what_a_dictionary_finds(
    entries: list[tuple[int, int, int]], absent: int
) -> None:
    table = defaultdict(list)
    for value, block, row in sorted(set(entries)):
        table[value].append((block, row))
    (written,) = cut_pages(make_run(entries))
    page = Page(written.first, written.data)

    asked = sorted({*table, absent})
    assert entries_of(page.matching(np.array(asked, np.uint64))) == sorted(set(entries))
    for value in asked:
        found = page.matching(np.array([value], np.uint64))
        expected = [(value, *place) for place in table.get(value, [])]
        assert entries_of(found) == expected


@given(st.lists(st.text(max_size=3), min_size=1, max_size=30), st.text(max_size=3))
def test_every_distinct_key_of_a_record_leads_to_its_row(values: list[str], other: str) -> None:
    records = [
        make_record(number, correlation=value, keys=(value, other))
        for number, value in enumerate(values)
    ]
    run = hash_records(records, {})

    assert entries_of(run) == sorted(
        {
            (hash_key(key), 0, row)
            for row, record in enumerate(records)
            for key in record_keys(record)
        }
    )


def test_lone_surrogate_and_nul_are_hashed_like_any_other() -> None:
    record = make_record(1, keys=("\ud800", "a\0b"))

    assert {hash_key("\ud800"), hash_key("a\0b")} <= set(hash_records([record], {}).hashes.tolist())


@given(st.permutations(range(6)), st.lists(st.integers(0, 40), min_size=6, max_size=6))
def test_keys_follow_their_rows_when_blocks_are_joined(order: list[int], hashes: list[int]) -> None:
    first = make_run([(hashes[row], 0, row) for row in range(2)])
    second = make_run([(hashes[2 + row], 0, row) for row in range(4)])

    joined = renumber([(first, 0), (second, 2)], np.array(order))

    assert entries_of(joined) == sorted((hashes[row], 0, place) for place, row in enumerate(order))


def test_damaged_page_is_refused() -> None:
    (page,) = cut_pages(make_run([(1, 0, 0), (9, 0, 1)]))

    for data in (b"", b"\xff", page.data[:-3]):
        with pytest.raises(StoreError):
            Page(page.first, data)
