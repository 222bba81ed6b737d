from __future__ import annotations

import itertools
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import shapes
from ingest.shapes import (
    ITEMS,
    MOST_PATHS,
    MOST_WORDS,
    Shape,
    join_path,
    learn,
    merge_shapes,
    path_text,
    split_path,
)

LEAF = st.none() | st.booleans() | st.integers(-9, 9) | st.just(1.5) | st.sampled_from("abc")
VALUE = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
    ),
    max_leaves=10,
)
SAMPLES = st.lists(st.tuples(VALUE, st.integers(0, 50)), min_size=1, max_size=6)


def shape_of(samples: list[tuple[Any, int]]) -> Shape:
    found = merge_shapes(learn(value, at_ms=at, size=at) for value, at in samples)
    assert found is not None
    return found


def plain(shape: Shape) -> Any:
    """As data, to be compared; the order of dictionaries does not count."""
    return msgspec.to_builtins(shape)


def test_types_presence_and_words_of_nested_values_are_counted() -> None:
    found = shape_of(
        [
            ({"items": [{"price": 1}, {"price": 2.5}], "status": "NEW"}, 5),
            ({"items": [], "status": "PAID", "note": None}, 9),
        ]
    )

    told = {path_text(split_path(path)): seen for path, seen in found.paths.items()}
    assert {path: seen.types for path, seen in told.items()} == {
        "payload": {"object": 2},
        "payload.items": {"array": 2},
        "payload.items[]": {"object": 2},
        "payload.items[].price": {"integer": 1, "number": 1},
        "payload.status": {"string": 2},
        "payload.note": {"null": 1},
    }
    assert told["payload.status"].words == {"NEW": 1, "PAID": 1}
    assert (told["payload.note"].first_ms, told["payload.items"].first_ms) == (9, 5)
    assert (found.samples, found.size, found.largest) == (2, 14, 9)


@given(SAMPLES, st.randoms())
def test_samples_sum_up_to_the_same_in_any_order_and_grouping(
    samples: list[tuple[Any, int]], random: Any
) -> None:
    whole = shape_of(samples)
    shuffled = random.sample(samples, len(samples))
    cut = random.randint(0, len(samples))

    parts = [shape_of(part) for part in (shuffled[:cut], shuffled[cut:]) if part]

    merged = merge_shapes(parts)
    assert merged is not None
    assert plain(merged) == plain(whole)


@settings(max_examples=30)
@given(st.lists(st.sets(st.integers(0, 700), max_size=400), min_size=2, max_size=4))
def test_beyond_the_bound_the_same_paths_are_kept_whatever_the_order(
    groups: list[set[int]],
) -> None:
    parts = [learn({f"k{n:03d}": n for n in group}, at_ms=1, size=1) for group in groups]

    sums = [merge_shapes(order) for order in itertools.islice(itertools.permutations(parts), 6)]

    first = sums[0]
    assert first is not None
    assert all(plain(one) == plain(first) for one in sums if one is not None)
    names = sorted({f"k{n:03d}" for group in groups for n in group})
    kept = ["", *(join_path("", name) for name in names)][:MOST_PATHS]
    if not any(len(group) >= shapes.MOST_NODES for group in groups):
        assert sorted(first.paths) == sorted(kept)
        assert first.cut == (len(names) + 1 > MOST_PATHS)


def test_many_or_long_texts_are_not_remembered() -> None:
    many = shape_of([({"id": f"ORD_{n}", "long": "x" * 50}, n) for n in range(MOST_WORDS + 1)])
    assert many.paths[join_path("", "id")].words is None
    assert many.paths[join_path("", "long")].words is None


def test_hidden_values_are_told_as_such_and_never_remembered() -> None:
    found = shape_of([({"a": "[redacted]", "b": f"$encrypted:0123abcd:{'A' * 40}"}, 1)])

    a, b = found.paths[join_path("", "a")], found.paths[join_path("", "b")]
    assert (a.types, b.types) == ({"redacted": 1}, {"encrypted": 1})
    assert (a.words, b.words) == ({}, {})


def test_a_huge_or_deep_payload_is_looked_at_in_part_only() -> None:
    deep: Any = 1
    for _ in range(50):
        deep = {"d": deep}
    wide = learn({"deep": deep, "many": [{"v": n} for n in range(5000)]}, at_ms=1, size=1)

    assert wide.paths[join_path(join_path("", "many"), ITEMS)].count == shapes.MOST_ITEMS
    assert max(len(split_path(path)) for path in wide.paths) == shapes.DEEPEST


def test_paths_are_written_as_people_write_them() -> None:
    assert path_text(["items", 0, "unit-price"]) == "payload.items[0].unit-price"
    assert path_text(['a "b".c', ITEMS]) == 'payload["a \\"b\\".c"][]'
    assert path_text([]) == "payload"
