from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.explore.columns import COLUMNS, DEFAULT, parse_columns, value_at
from dashboard.explore.filters import FilterError

NESTED = {"payload": {"items": [{"price": 29.99, "tags": [["a", "b"]]}], "a": {"b": None}}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("payload.items[0].price", 29.99),
        ("payload.items[0].tags[0][1]", "b"),
        ("payload.items[7].price", None),
        ("payload.items.price", None),
        ("payload.a.b", None),
        ("payload.a.b.c", None),
        ("payload.gone", None),
        ("metadata.source", None),
    ],
)
def test_path_finds_the_value_or_nothing(path: str, expected: object) -> None:
    assert value_at(NESTED, path) == expected


@given(
    st.text(max_size=40), st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists)
)
def test_no_path_into_no_envelope_raises(path: str, envelope: object) -> None:
    value_at(envelope, path)


def test_nothing_asked_means_the_usual_columns() -> None:
    assert tuple(column.name for column in parse_columns(" , ")) == DEFAULT


def test_columns_keep_the_order_they_are_asked_in() -> None:
    chosen = parse_columns("type, payload.items[0].price ,time")
    assert [column.title for column in chosen] == ["Type", "items[0].price", "Time"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nope", "'nope' is none of time, type"),
        ("payload", "'payload' is none of"),
        ("payload.", "none of"),
        ("payload..a", "none of"),
        ("headers.x", "none of"),
        ("time,time", "time is named twice"),
        ("payload.a\x00", "none of"),
        ("payload." + "a" * 300, "none of"),
        (",".join(f"payload.a{n}" for n in range(21)), "more than 20 columns"),
    ],
)
def test_column_that_is_none_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(FilterError, match=reason) as refused:
        parse_columns(text)
    assert refused.value.place == "columns"


def test_every_column_has_a_title() -> None:
    assert all(column.title for column in COLUMNS.values())
