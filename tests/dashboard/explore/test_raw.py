from __future__ import annotations

import json

import pytest

from dashboard.explore.folding import fold_json, pretty_json
from dashboard.explore.raw import hexdump, readable


def test_text_is_shown_as_it_is_and_bytes_as_a_dump() -> None:
    assert readable('{"ä": 1}'.encode()) == '{"ä": 1}'
    assert readable(b"\xff\x00A") == f"00000000  {'ff 00 41':<47}  |..A|"
    assert hexdump(bytes(range(17))).splitlines()[1].startswith("00000010  10 ")


def test_long_text_is_cut_and_said_so() -> None:
    assert readable(b"x" * 262_150).endswith("x\n… 6 more")


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ({}, ["{}"]),
        ([], ["[]"]),
        ({"a": [1, None]}, ["2 items", "null"]),
        ({"<b>": "<i>"}, ["&lt;b&gt;", "&lt;i&gt;"]),
        (2**70, [str(2**70)]),
        ("plain", ["&quot;plain&quot;"]),
    ],
)
def test_json_folds_and_escapes(value: object, parts: list[str]) -> None:
    html = fold_json(value)
    assert html is not None
    for part in parts:
        assert part in html
    assert "<b>" not in html


def test_what_is_too_deep_or_wide_is_left_to_the_plain_view() -> None:
    deep: object = 1
    for _ in range(100):
        deep = [deep]
    assert fold_json(deep) is None
    assert fold_json(list(range(5000))) is None
    assert json.loads(pretty_json(deep)) == deep
