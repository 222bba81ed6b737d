from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.queries.bodies import MAX_DEPTH, read_body


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a": [1, "\xc3\xa9"]}', {"a": [1, "é"]}),
        (b'{"a": NaN, "b": -Infinity, "c": 1e999}', {"a": "NaN", "b": "-Infinity", "c": "1e999"}),
        (b'{"\\ud800": "x\\udfff"}', {"?": "x?"}),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"\xff\x00 no json", "\ufffd\x00 no json"),
        (b"", ""),
        (b"[" * 100_000, "[" * 100_000),
        (b"[" * 200 + b"]" * 200, "[" * 200 + "]" * 200),
        (b"9" * 5_000, "9" * 5_000),
    ],
)
def test_any_body_becomes_something_to_show(body: bytes, shown: Any) -> None:
    assert read_body(body) == shown


def test_nesting_that_people_write_is_shown_as_it_is() -> None:
    value: Any = "deep"
    for _ in range(MAX_DEPTH):
        value = [value]

    assert read_body(json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_what_is_shown_can_be_written_out_again(body: bytes) -> None:
    json.dumps(read_body(body), allow_nan=False).encode()
